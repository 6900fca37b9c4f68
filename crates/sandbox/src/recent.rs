//! A list that forgets: everything the sandbox remembers is held in one of these.

use std::collections::VecDeque;

/// The newest things of a kind, newest first.
pub(crate) struct Recent<T> {
    items: VecDeque<T>,
    kept: usize,
}

impl<T> Recent<T> {
    /// At most `kept` are remembered.
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            items: VecDeque::new(),
            kept,
        }
    }

    /// Gives back what is forgotten for it.
    pub(crate) fn push(&mut self, item: T) -> Option<T> {
        self.items.push_front(item);
        if self.items.len() > self.kept {
            self.items.pop_back()
        } else {
            None
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.iter_mut()
    }

    pub(crate) fn find(&self, is_it: impl Fn(&T) -> bool) -> Option<&T> {
        self.items.iter().find(|item| is_it(item))
    }

    pub(crate) fn find_mut(&mut self, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.items.iter_mut().find(|item| is_it(item))
    }

    pub(crate) fn pop_oldest(&mut self) -> Option<T> {
        self.items.pop_back()
    }

    pub(crate) fn clear(&mut self) {
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        assert_eq!(recent.push("a"), None);
        assert_eq!(recent.push("b"), None);
        assert_eq!(recent.push("c"), Some("a"));
        assert_eq!(recent.iter().collect::<Vec<_>>(), [&"c", &"b"]);
    }
}
