//! In which order, how many at once, and after which one. The place where a page ends
//! is told as a text that only the same search takes back.

use sha2::{Digest, Sha256};

use super::{Filter, Parameters, parameters::whole};
use crate::store::Key;

/// Messages on a page where nothing is asked.
pub const DEFAULT_LIMIT: usize = 50;

/// Messages on a page at most.
pub const MAX_LIMIT: usize = 500;

/// By when the proxy received them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub enum Order {
    /// What came last comes first.
    #[default]
    Newest,
    /// What came first comes first.
    Oldest,
}

/// A page of what a filter lets through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// In this order.
    pub order: Order,
    /// So many at most.
    pub limit: usize,
    /// Only what comes after this one, in this order.
    pub after: Option<Key>,
}

impl Page {
    /// Takes what is given of `orden`, `limite` and `pagina`.
    #[must_use]
    pub fn take(parameters: &mut Parameters, filter: &Filter) -> Self {
        let order = parameters.take("orden", order).unwrap_or_default();
        let limit = parameters.take("limite", |text| whole(text, 1, MAX_LIMIT));
        let after = after(parameters, filter, order);
        Self { order, limit: limit.unwrap_or(DEFAULT_LIMIT), after }
    }
}

/// Takes `pagina`, if it is given: after which key to go on.
pub fn after(parameters: &mut Parameters, filter: &Filter, order: Order) -> Option<Key> {
    parameters.take("pagina", |text| {
        read(text, filter, order)
            .ok_or("no es el «siguiente» de esta misma búsqueda; empiece sin «pagina»")
    })
}

/// Reads `orden`.
///
/// # Errors
/// What can be asked.
pub fn order(text: &str) -> Result<Order, &'static str> {
    match text {
        "recientes" => Ok(Order::Newest),
        "antiguos" => Ok(Order::Oldest),
        _ => Err("debe ser «recientes» o «antiguos»"),
    }
}

/// What to ask for to go on after `key`.
#[must_use]
pub fn cursor(key: Key, filter: &Filter, order: Order) -> String {
    format!("{:016x}{:08x}", key.as_i64(), search(filter, order))
}

/// The key in a cursor, if it is one of this search.
fn read(text: &str, filter: &Filter, order: Order) -> Option<Key> {
    let key = i64::from_str_radix(text.get(..16)?, 16).ok()?;
    let key = Key::from(key);
    (cursor(key, filter, order) == text).then_some(key)
}

/// Tells searches apart.
fn search(filter: &Filter, order: Order) -> u32 {
    let hash: [u8; 32] = Sha256::digest(format!("{filter:?}{order:?}")).into();
    hash.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(state: &str) -> Filter {
        Filter { state: Some(state.to_owned()), ..Filter::default() }
    }

    #[test]
    fn a_page_is_read_with_its_limits() {
        let page = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let mut parameters = Parameters::new(pairs);
            let page = Page::take(&mut parameters, &filter("error"));
            parameters.done().map(|()| page)
        };
        let first = Page { order: Order::Newest, limit: DEFAULT_LIMIT, after: None };
        assert_eq!(page(&[]), Ok(first));
        assert_eq!(page(&[("orden", "antiguos")]).expect("good").order, Order::Oldest);
        assert_eq!(page(&[("limite", "500")]).expect("good").limit, 500);
        for (name, value) in
            [("limite", "0"), ("limite", "501"), ("orden", "x"), ("pagina", "x"), ("pagina", "ñ")]
        {
            assert_eq!(page(&[(name, value)]).expect_err(value)[0].parameter, name);
        }
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_to_its_own_search_only(key in 0..i64::MAX, at in 0..24_usize) {
            let key = Key::from(key);
            let text = cursor(key, &filter("error"), Order::Newest);
            prop_assert_eq!(read(&text, &filter("error"), Order::Newest), Some(key));
            prop_assert_eq!(read(&text, &filter("procesado"), Order::Newest), None);
            prop_assert_eq!(read(&text, &filter("error"), Order::Oldest), None);
            let mut changed = text.into_bytes();
            changed[at] = if changed[at] == b'x' { b'y' } else { b'x' };
            let changed = String::from_utf8(changed).expect("ASCII");
            prop_assert_eq!(read(&changed, &filter("error"), Order::Newest), None);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = read(&text, &filter("error"), Order::Newest);
        }
    }
}
