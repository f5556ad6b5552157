//! The pages as they are now, each drawn once for everybody who looks at it,
//! and not at all while nobody does.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::watch, time::sleep};

use super::pages::Page;
use crate::{knowledge::Knowledge, lang::Lang};

/// Shortest time between two drawings of one page. With the time between two
/// questions to a service it stays under 250 ms from a count to the eye, while
/// events keep coming.
const GAP: Duration = Duration::from_millis(100);

/// The main part of a page; none until it is drawn for the first time.
pub(super) type Drawing = Option<Arc<str>>;

/// A page in one language.
type Subject = (Page, Lang);

type Draw = dyn Fn(Page, &Knowledge, Lang) -> askama::Result<String> + Send + Sync;

/// What is being drawn. The task that draws holds the channel: where that is
/// gone, nobody draws.
type Shown = Vec<(Subject, Weak<watch::Sender<Drawing>>)>;

/// The drawings; clones share them.
#[derive(Clone)]
pub(super) struct Drawings {
    known: watch::Receiver<Knowledge>,
    draw: Arc<Draw>,
    shown: Arc<Mutex<Shown>>,
}

impl Drawings {
    /// Of what is `known`; nothing is drawn before somebody looks.
    pub(super) fn new(
        known: watch::Receiver<Knowledge>,
        draw: impl Fn(Page, &Knowledge, Lang) -> askama::Result<String> + Send + Sync + 'static,
    ) -> Self {
        Self { known, draw: Arc::new(draw), shown: Arc::default() }
    }

    /// The page as it is and as it changes, for as long as the answer is held.
    /// Who joins others gets at once what they see, [`GAP`] old at most.
    pub(super) fn look_at(&self, page: Page, lang: Lang) -> watch::Receiver<Drawing> {
        let subject = (page, lang);
        let mut shown = self.shown();
        let theirs = shown.iter().find(|(other, _)| *other == subject);
        if let Some(tell) = theirs.and_then(|(_, tell)| tell.upgrade()) {
            return tell.subscribe();
        }
        let (tell, drawing) = watch::channel(None);
        let tell = Arc::new(tell);
        shown.retain(|(_, tell)| tell.strong_count() > 0);
        shown.push((subject, Arc::downgrade(&tell)));
        tokio::spawn(self.clone().keep_drawing(subject, tell));
        drawing
    }

    /// Draws whenever something changes, until nobody looks or it fails.
    async fn keep_drawing(mut self, (page, lang): Subject, mut tell: Arc<watch::Sender<Drawing>>) {
        loop {
            // A copy: to draw under the borrow would hold up whoever asks the services.
            let known = self.known.borrow_and_update().clone();
            match (self.draw)(page, &known, lang) {
                Ok(html) => show(&tell, html),
                Err(error) => return log::error!("a page cannot be drawn: {error}"),
            }
            sleep(GAP).await;
            tokio::select! {
                biased;
                () = tell.closed() => match self.let_go(tell) {
                    Some(wanted) => tell = wanted,
                    None => return,
                },
                changed = self.known.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Nothing, or the channel again if somebody began to look in the meantime.
    /// Under the lock, so that nobody is given a channel that is being let go.
    fn let_go(&self, tell: Arc<watch::Sender<Drawing>>) -> Option<Arc<watch::Sender<Drawing>>> {
        let _shown = self.shown();
        (tell.receiver_count() > 0).then_some(tell)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells of the drawing, unless it is the same as before.
fn show(tell: &watch::Sender<Drawing>, html: String) {
    tell.send_if_modified(|drawing| {
        let is_new = drawing.as_deref() != Some(html.as_str());
        if is_new {
            *drawing = Some(html.into());
        }
        is_new
    });
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::future::join_all;
    use test_support::eventually;

    use super::*;

    /// A panel that knows nothing, and remembers when it drew.
    struct Studio {
        tell: watch::Sender<Knowledge>,
        drawings: Drawings,
        drawn: Arc<Mutex<Vec<Instant>>>,
    }

    impl Studio {
        /// Each drawing is another: it says the number of senders.
        fn open() -> Self {
            Self::drawing(|known| Ok(known.senders.len().to_string()))
        }

        fn drawing(
            draw: impl Fn(&Knowledge) -> askama::Result<String> + Send + Sync + 'static,
        ) -> Self {
            let (tell, known) = watch::channel(Knowledge::default());
            let drawn = Arc::<Mutex<Vec<_>>>::default();
            let times = drawn.clone();
            let drawings = Drawings::new(known, move |_, known, _| {
                times.lock().expect("no test panics there").push(Instant::now());
                draw(known)
            });
            Self { tell, drawings, drawn }
        }

        fn look(&self) -> watch::Receiver<Drawing> {
            self.drawings.look_at(Page::Camino, Lang::Es)
        }

        fn one_more_sender(&self) {
            self.tell.send_modify(|known| known.senders.push(crate::knowledge::Sender::default()));
        }

        fn times(&self) -> Vec<Instant> {
            self.drawn.lock().expect("no test panics there").clone()
        }

        fn drawn(&self) -> usize {
            self.times().len()
        }

        /// Waits until no task draws: only the drawings themselves listen.
        async fn at_rest(&self) {
            eventually("the end of the task", || async {
                match self.tell.receiver_count() {
                    1 => Ok(()),
                    many => Err(format!("{many} listen")),
                }
            })
            .await;
        }
    }

    async fn shows(drawing: &mut watch::Receiver<Drawing>, wanted: &str) {
        let shown = drawing.wait_for(|drawing| drawing.as_deref() == Some(wanted));
        let shown = tokio::time::timeout(test_support::PATIENCE, shown).await;
        shown.unwrap_or_else(|_| panic!("{wanted} in time")).expect("it is drawn");
    }

    #[tokio::test]
    async fn fifty_readers_cost_the_drawings_of_one() {
        let studio = Studio::open();
        let mut readers: Vec<_> = (0..50).map(|_| studio.look()).collect();
        join_all(readers.iter_mut().map(|reader| shows(reader, "0"))).await;
        studio.one_more_sender();
        join_all(readers.iter_mut().map(|reader| shows(reader, "1"))).await;
        assert_eq!(studio.drawn(), 2);
    }

    #[tokio::test]
    async fn each_page_and_language_is_drawn_for_itself() {
        let (_tell, known) = watch::channel(Knowledge::default());
        let drawings = Drawings::new(known, |page, _, lang| Ok(format!("{page:?} {lang:?}")));
        for (page, lang, wanted) in [
            (Page::Camino, Lang::Es, "Camino Es"),
            (Page::Camino, Lang::En, "Camino En"),
            (Page::Prueba, Lang::En, "Prueba En"),
        ] {
            shows(&mut drawings.look_at(page, lang), wanted).await;
        }
    }

    #[tokio::test]
    async fn nothing_is_drawn_while_nobody_looks() {
        let studio = Studio::open();
        studio.one_more_sender();
        assert_eq!(studio.tell.receiver_count(), 1, "a task runs before anybody looked");
        let mut reader = studio.look();
        shows(&mut reader, "1").await;
        drop(reader);
        studio.one_more_sender();
        studio.at_rest().await;
        assert_eq!(studio.drawn(), 1);

        // Who looks then gets what is so now, not what was drawn last.
        shows(&mut studio.look(), "2").await;
        assert_eq!(studio.drawn(), 2);
    }

    #[tokio::test]
    async fn who_leaves_does_not_end_it_for_others() {
        let studio = Studio::open();
        let (first, mut second) = (studio.look(), studio.look());
        drop(first);
        shows(&mut second, "0").await;
        studio.one_more_sender();
        shows(&mut second, "1").await;
    }

    #[test]
    fn who_comes_as_the_last_one_leaves_is_not_left_alone() {
        let (tell, reader) = watch::channel(None);
        let drawings = Studio::open().drawings;
        let tell = drawings.let_go(Arc::new(tell)).expect("somebody looks");
        drop(reader);
        assert!(drawings.let_go(tell).is_none());
    }

    #[tokio::test]
    async fn what_comes_fast_is_drawn_at_intervals() {
        let studio = Studio::open();
        let mut reader = studio.look();
        shows(&mut reader, "0").await;
        for _ in 0..9 {
            studio.one_more_sender();
        }
        shows(&mut reader, "9").await;
        let times = studio.times();
        assert!(times.len() == 2 && times[1] - times[0] >= GAP, "{times:?}");
    }

    #[tokio::test]
    async fn a_drawing_like_the_one_before_is_no_news() {
        let studio = Studio::drawing(|_| Ok("the same".to_owned()));
        let mut reader = studio.look();
        shows(&mut reader, "the same").await;
        reader.mark_unchanged();
        studio.one_more_sender();
        eventually("another drawing", || async {
            if studio.drawn() == 2 { Ok(()) } else { Err(studio.drawn().to_string()) }
        })
        .await;
        assert!(!reader.has_changed().expect("it is drawn"));
    }

    #[tokio::test]
    async fn what_cannot_be_drawn_ends_and_is_tried_again_for_the_next() {
        let studio = Studio::drawing(|known| match known.senders.len() {
            0 => Err(askama::Error::Fmt),
            many => Ok(many.to_string()),
        });
        let mut reader = studio.look();
        let ended = tokio::time::timeout(test_support::PATIENCE, reader.changed()).await;
        assert!(ended.expect("in time").is_err());
        studio.one_more_sender();
        shows(&mut studio.look(), "1").await;
    }
}
