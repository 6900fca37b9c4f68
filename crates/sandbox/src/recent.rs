//! A list that forgets: everything the sandbox remembers is held in one of these.

use std::collections::VecDeque;

/// How many of each kind of thing are remembered.
pub(crate) const KEPT: usize = 1_000;

/// The newest [`KEPT`] things, newest first.
pub(crate) struct Recent<T>(VecDeque<T>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Recent<T> {
    /// Gives back what is forgotten for it.
    pub(crate) fn push(&mut self, item: T) -> Option<T> {
        self.0.push_front(item);
        if self.0.len() > KEPT {
            self.0.pop_back()
        } else {
            None
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }

    pub(crate) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.0.iter().find(|item| is_it(item))
    }

    pub(crate) fn find_mut(&mut self, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.0.iter_mut().find(|item| is_it(item))
    }

    pub(crate) fn pop_oldest(&mut self) -> Option<T> {
        self.0.pop_back()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::default();
        for number in 0..KEPT {
            assert_eq!(recent.push(number), None);
        }
        assert_eq!(recent.push(KEPT), Some(0));
        assert_eq!(recent.iter().count(), KEPT);
        assert_eq!(recent.iter().next(), Some(&KEPT));
    }
}
