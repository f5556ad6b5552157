//! The queues among which the events are spread, where they are more than one.

use super::Input;
use crate::{lang::Lang, states::PartitionState, wording::Count};

/// How many they are, and how many messages are ready in each, in their order; none
/// where there is but one.
pub(super) fn queues(input: &Input<'_>, lang: Lang) -> Option<String> {
    told(&input.broker?.queue.as_ref()?.partitions, lang)
}

fn told(partitions: &[PartitionState], lang: Lang) -> Option<String> {
    if partitions.len() < 2 {
        return None;
    }
    let ready: Vec<_> = partitions.iter().map(|queue| Count(queue.ready).to_string()).collect();
    let (count, ready) = (partitions.len(), ready.join(" · "));
    Some(match lang {
        Lang::Es => format!("{count} colas, por cliente; listos en cada una: {ready}"),
        Lang::En => format!("{count} queues, by client; ready in each: {ready}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_queues_are_told_one_by_one_and_a_single_one_is_not() {
        let told = |each: &[u64], lang| {
            let each: Vec<_> = each.iter().map(|ready| PartitionState { ready: *ready }).collect();
            told(&each, lang)
        };
        assert_eq!((told(&[], Lang::Es), told(&[7], Lang::Es)), (None, None));
        let spanish = told(&[12, 0, 5], Lang::Es).expect("three");
        assert_eq!(spanish, "3 colas, por cliente; listos en cada una: 12 · 0 · 5");
        assert!(told(&[1, 2], Lang::En).expect("two").ends_with("ready in each: 1 · 2"));
    }
}
