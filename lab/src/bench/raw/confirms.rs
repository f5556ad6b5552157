//! Which of the messages under way are confirmed. Pure.

use std::collections::VecDeque;

/// Messages are numbered from 1 in the order in which they were published; a
/// confirm names one of them, or all up to one.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    /// Published and settled up to here, all of them.
    settled: u64,
    /// Of those behind, whether each is confirmed.
    under_way: VecDeque<bool>,
    open: u64,
}

impl Confirms {
    /// So many further messages were published.
    pub(super) fn published(&mut self, messages: u64) {
        self.under_way.extend((0..messages).map(|_| false));
        self.open += messages;
    }

    /// Messages without a confirm.
    pub(super) fn open(&self) -> u64 {
        self.open
    }

    /// Takes a confirm; how many messages it newly confirms.
    pub(super) fn confirm(&mut self, tag: u64, multiple: bool) -> u64 {
        let Some(index) = tag.checked_sub(self.settled + 1) else { return 0 };
        let Ok(index) = usize::try_from(index) else { return 0 };
        let last = (index + 1).min(self.under_way.len());
        let first = if multiple { 0 } else { index.min(last) };
        let mut newly = 0;
        for confirmed in self.under_way.range_mut(first..last) {
            newly += u64::from(!*confirmed);
            *confirmed = true;
        }
        self.open -= newly;
        while self.under_way.front() == Some(&true) {
            self.under_way.pop_front();
            self.settled += 1;
        }
        newly
    }
}

#[cfg(test)]
mod tests {
    use super::Confirms;

    #[test]
    fn each_message_is_confirmed_once_in_whatever_order() {
        let mut confirms = Confirms::default();
        confirms.published(5);
        assert_eq!(confirms.confirm(3, false), 1);
        assert_eq!(confirms.confirm(3, false), 0, "again");
        assert_eq!(confirms.confirm(4, true), 3, "1, 2 and 4");
        assert_eq!(confirms.open(), 1);
        confirms.published(2);
        assert_eq!(confirms.confirm(2, true), 0, "long settled");
        assert_eq!(confirms.confirm(7, true), 3);
        assert_eq!(confirms.open(), 0);
        assert_eq!(confirms.confirm(9, true), 0, "never published");
    }
}
