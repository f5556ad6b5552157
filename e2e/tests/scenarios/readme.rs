//! The README's commands, word for word.

use e2e::{Stack, Step, repository, steps};
use test_support::eventually;

pub(crate) async fn every_command_prints_what_it_says(stack: &Stack) {
    let text = std::fs::read_to_string(repository().join("README.md")).expect("the README");
    let steps = steps(&text, stack.place());
    assert!(steps.len() > 10, "the README has {} commands", steps.len());
    for step in &steps {
        if step.command.contains("-X POST") {
            attempt(stack, step).await.unwrap_or_else(|difference| panic!("{difference}"));
        } else {
            // What it asks for may take a moment to be true.
            eventually(&step.command, || attempt(stack, step)).await;
        }
    }
}

/// Runs a command; `Err` when it fails, or prints something else than the
/// README says.
async fn attempt(stack: &Stack, step: &Step) -> Result<(), String> {
    let output = stack.run(&step.command).await;
    if output.code == Some(0) && step.is_as_expected(&output.stdout) {
        return Ok(());
    }
    let expected = step.expected.as_deref().unwrap_or_default();
    Err(format!("README.md:{}: expected:\n{expected}\nprinted:\n{output:#?}", step.line))
}
