//! Starts the parts in order, watches them, starts again what dies, and stops
//! everything in order.
//!
//! One process supervises a laboratory and is the parent of all its parts, so
//! it learns how each one ended. Other commands leave requests (see
//! [`crate::record`]).

mod slot;
pub(crate) mod stop;

use crate::failure::Failure;
use crate::layout::Layout;
use crate::limits;
use crate::part::Part;
use crate::parts;
use crate::parts::readiness::{Prober, is_final};
use crate::plan::{Plan, Stack};
use crate::record::{self, Request};
use crate::running::Administrator;
use crate::signals::Interrupts;
use crate::ui;
use anyhow::{Result, bail};
use slot::{Event, Slot};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often the parts are looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long a part may take until somebody asks what it waits for.
const GRACE: Duration = Duration::from_secs(2);

/// How many log lines are shown of a part that failed.
const LAST_LINES: usize = 10;

/// The parts of one running laboratory.
pub(crate) struct Supervisor {
    stack: Stack,
    prober: Prober,
    slots: Vec<Slot>,
}

impl Supervisor {
    /// From here on whatever is written is for this user alone.
    ///
    /// # Errors
    /// When the parts could not open what they need.
    pub(crate) fn new(stack: Stack) -> Result<Self> {
        limits::raise()?;
        stack.layout.make_private()?;
        Ok(Self { stack, prober: Prober::new(Administrator::guest())?, slots: Vec::new() })
    }

    /// Starts the parts of the plan, each once the one before is ready. If one fails, or
    /// the user interrupts, nothing is left running.
    pub(crate) async fn start(&mut self, interrupts: &mut Interrupts) -> Result<()> {
        let outcome = tokio::select! {
            outcome = self.start_all() => outcome,
            () = interrupts.next() => Err(Failure::interrupted().into()),
        };
        if outcome.is_err() {
            self.stop().await?;
        }
        outcome
    }

    async fn start_all(&mut self) -> Result<()> {
        for part in &self.stack.plan.parts.clone() {
            let step = ui::step(&format!("poniendo en marcha {}", part.name()));
            let began = Instant::now();
            self.slots.push(Slot::start(&self.stack, *part)?);
            self.wait_until_ready(*part).await?;
            let seconds = began.elapsed().as_secs_f32();
            step.done(&format!("{} listo ({seconds:.1} s)", part.name()));
        }
        Ok(())
    }

    /// The part that was started last, from its start until it is ready.
    async fn wait_until_ready(&mut self, part: Part) -> Result<()> {
        let began = Instant::now();
        let mut told = String::new();
        loop {
            self.check_alive(part)?;
            if self.prober.is_ready(&self.stack.plan.ports, part).await {
                return Ok(());
            }
            let lacks = self.lacks(part, began).await;
            if began.elapsed() >= part.start_limit() || is_final(&lacks) {
                let (name, lasted) = (part.name(), began.elapsed().as_secs());
                let sentence = format!("{name} no está listo tras {lasted} s{lacks}");
                bail!(with_log(&self.stack.layout, part, &sentence));
            }
            if !lacks.is_empty() && lacks != told {
                ui::note(format!("• {} espera{lacks}", part.name()));
                told = lacks;
            }
            sleep(TICK).await;
        }
    }

    /// That the part that was started last has not ended.
    fn check_alive(&mut self, part: Part) -> Result<()> {
        if let Some(slot) = self.slots.last_mut()
            && let Some(exit) = slot.collect(&self.stack)?
        {
            let sentence = format!("{} terminó al empezar ({exit})", part.name());
            let told = with_log(&self.stack.layout, part, &sentence);
            bail!("{told}{}", exit.advice(&self.stack.layout));
        }
        Ok(())
    }

    /// What a part that does not become ready says of it, behind a colon; nothing at first,
    /// when it is still about to connect.
    async fn lacks(&self, part: Part, began: Instant) -> String {
        if began.elapsed() < GRACE {
            return String::new();
        }
        let told = self.prober.why_not(&self.stack.plan.ports, part).await;
        told.map(|told| format!(": {told}")).unwrap_or_default()
    }

    /// Watches until it is enough.
    pub(crate) async fn watch(&mut self, enough: impl Future) {
        tokio::select! {
            () = self.watch_for_ever() => {}
            _ = enough => {}
        }
    }

    async fn watch_for_ever(&mut self) {
        loop {
            self.take_in();
            for slot in &mut self.slots {
                match slot.look(&self.stack, &self.prober).await {
                    Ok(Some(event)) => tell(&self.stack, slot.part, &event),
                    Ok(None) => {}
                    Err(error) => slot.put_off(&error),
                }
            }
            sleep(TICK).await;
        }
    }

    /// Those that somebody asks for who has added them to the plan since.
    fn take_in(&mut self) {
        let layout = &self.stack.layout;
        let is_new = |part: &Part| {
            self.slots.iter().all(|slot| slot.part != *part)
                && record::is_requested(layout, *part, Request::Start)
        };
        let new: Vec<Part> = Part::START_ORDER.into_iter().filter(is_new).collect();
        if let (false, Some(plan)) = (new.is_empty(), Plan::load(layout)) {
            self.stack.plan = plan;
            self.slots.extend(new.into_iter().map(Slot::resting));
        }
    }

    /// Stops every part, door first.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let result = stop::all(&self.stack.layout).await;
        for slot in &mut self.slots {
            slot.collect(&self.stack)?;
        }
        self.slots.clear();
        stop::forget_all(&self.stack.layout)?;
        result
    }
}

fn tell(stack: &Stack, part: Part, event: &Event) {
    let name = part.name();
    match event {
        Event::Died { exit, delay } => ui::note(format!(
            "✗ {name} terminó ({exit}); vuelve a empezar en {:.1} s",
            delay.as_secs_f32()
        )),
        Event::GivenUp { exit } => {
            let sentence = format!("✗ {name} terminó ({exit}) y no vuelve a empezar solo");
            ui::alert(with_log(&stack.layout, part, &sentence));
        }
        Event::Stopped => ui::note(format!("• {name} detenido")),
        Event::Ready => ui::note(format!("✓ {name} listo de nuevo")),
    }
}

/// A sentence, and below it what the part wrote last.
pub(crate) fn with_log(layout: &Layout, part: Part, sentence: &str) -> String {
    let path = layout.log(part);
    let lines = parts::last_words(&path, LAST_LINES);
    if lines.is_empty() {
        return format!("{sentence}; no escribió nada en {}", path.display());
    }
    format!(
        "{sentence}\n  lo último que escribió ({}):\n  | {}",
        path.display(),
        lines.join("\n  | ")
    )
}
