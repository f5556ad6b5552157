//! What is searched for among the messages, as it stands in the page's address and
//! in the question to the audit proxy. Pure.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use reqwest::Url;

/// Fields of a query, in the order of the page.
pub type Pairs = Vec<(String, String)>;

/// What may be searched for, under the names of the wire.
const CRITERIA: [&str; 9] =
    ["id", "correlacion", "origen", "destino", "tipo", "estado", "desde", "hasta", "texto"];

/// A search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Name and value, each name once, in a fixed order; never empty.
    criteria: Vec<(&'static str, String)>,
    /// Whether the oldest come first.
    pub oldest_first: bool,
    /// Where the page begins; none for the first.
    pub cursor: Option<String>,
}

impl Filter {
    /// What a query asks for. Other fields than those of a search are none of it.
    #[must_use]
    pub fn of(query: &Pairs) -> Self {
        Self::among(&CRITERIA, query)
    }

    /// The same where something else can be asked for.
    #[must_use]
    pub fn among(names: &[&'static str], query: &Pairs) -> Self {
        let given = |name: &str| {
            let value = query.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let criteria = names.iter().filter_map(|name| Some((*name, given(name)?)));
        Self {
            criteria: criteria.collect(),
            oldest_first: given("orden").as_deref() == Some("antiguos"),
            cursor: given("pagina"),
        }
    }

    /// Whether it restricts nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.criteria.is_empty()
    }

    /// What is searched for in a field, as it was typed; empty where nothing is.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        let found = self.criteria.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether exactly this is searched for in a field.
    #[must_use]
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// The time of a field as an input of the browser takes it; empty where it is none.
    #[must_use]
    pub fn time(&self, name: &str) -> String {
        let time = instant(self.value(name));
        let civil = time.map(|time| time.to_zoned(TimeZone::UTC).datetime());
        civil.map_or_else(String::new, |civil| civil.strftime("%Y-%m-%dT%H:%M:%S").to_string())
    }

    /// The question to the audit proxy: times as it takes them.
    #[must_use]
    pub fn question(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.restrictions();
        pairs.push(("orden", self.order().to_owned()));
        pairs.extend(self.cursor.iter().map(|cursor| ("pagina", cursor.clone())));
        pairs
    }

    /// What is searched for and the place, without the order, for what has only one.
    #[must_use]
    pub fn unordered(&self) -> Vec<(&'static str, String)> {
        let mut pairs = self.restrictions();
        pairs.extend(self.cursor.iter().map(|cursor| ("pagina", cursor.clone())));
        pairs
    }

    /// What is searched for, without order and place: for all that is found.
    #[must_use]
    pub fn restrictions(&self) -> Vec<(&'static str, String)> {
        let pairs = self.criteria.iter().map(|(name, value)| match *name {
            "desde" | "hasta" => (*name, instant(value).map_or_else(|| value.clone(), in_full)),
            _ => (*name, value.clone()),
        });
        pairs.collect()
    }

    /// The query of the page that shows this, with the question mark; empty for the
    /// page of everything.
    #[must_use]
    pub fn address(&self) -> String {
        let mut pairs: Vec<_> = self.criteria.clone();
        if self.oldest_first {
            pairs.push(("orden", self.order().to_owned()));
        }
        pairs.extend(self.cursor.iter().map(|cursor| ("pagina", cursor.clone())));
        encoded(&pairs)
    }

    /// The same search, from another place.
    #[must_use]
    pub fn at(&self, cursor: Option<String>) -> Self {
        Self { cursor, ..self.clone() }
    }

    /// The word for the order, on the wire.
    #[must_use]
    pub fn order(&self) -> &'static str {
        if self.oldest_first { "antiguos" } else { "recientes" }
    }
}

/// The value of a form's field, without the space around it; empty where it is not there.
#[must_use]
pub fn field<'f>(form: &'f Pairs, name: &str) -> &'f str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
}

/// As the query of an address, with the question mark; empty where there is nothing.
#[must_use]
pub fn encoded<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    // Any base will do: only the query is taken.
    let Ok(mut url) = Url::parse("http://panel/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(pairs);
    format!("?{}", url.query().unwrap_or_default())
}

/// A time as it was given: RFC 3339, or as an input of the browser writes it, in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    let civil = || Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    text.parse().ok().or_else(civil)
}

fn in_full(time: Timestamp) -> String {
    time.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Filter {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Filter::of(&pairs.iter().map(owned).collect())
    }

    #[test]
    fn an_address_says_what_was_searched_for_and_no_more() {
        assert_eq!(filter(&[]).address(), "");
        assert_eq!(
            filter(&[("estado", " "), ("hecho", "si"), ("orden", "recientes")]).address(),
            ""
        );
        let search = filter(&[("texto", "a&b ñ"), ("estado", "error"), ("orden", "antiguos")]);
        assert_eq!(search.address(), "?estado=error&texto=a%26b+%C3%B1&orden=antiguos");
        let next = search.at(Some("x=".to_owned()));
        assert!(next.address().ends_with("&pagina=x%3D"), "{}", next.address());
        assert_eq!(next.at(None), search);
    }

    #[test]
    fn times_are_taken_as_utc_and_asked_for_in_full() {
        for given in ["2026-11-23T10:30", "2026-11-23T10:30:00", "2026-11-23T05:30:00-05:00"] {
            let search = filter(&[("desde", given)]);
            let asked = [("desde", "2026-11-23T10:30:00Z".to_owned())];
            assert_eq!(search.restrictions(), asked, "{given}");
            assert_eq!(search.time("desde"), "2026-11-23T10:30:00");
        }
        // The proxy says what is wrong with it.
        let search = filter(&[("hasta", "ayer")]);
        assert_eq!(search.restrictions(), [("hasta", "ayer".to_owned())]);
        assert_eq!((search.time("hasta"), search.value("hasta")), (String::new(), "ayer"));
    }

    #[test]
    fn a_question_has_its_order_and_its_place() {
        let question = filter(&[("pagina", "abc"), ("id", "x")]).question();
        let expected = [("id", "x"), ("orden", "recientes"), ("pagina", "abc")];
        assert_eq!(question, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
