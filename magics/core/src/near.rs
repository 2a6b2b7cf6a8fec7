//! "Did you mean": the known names that look like one that nobody knows, and what is said of them.

/// From here on (Jaro-Winkler, where 1 is the same) a name is alike enough to be worth offering.
const ALIKE: f64 = 0.8;
/// Names that are less alike than the best by more than this are not what was meant.
const BESIDE: f64 = 0.05;
const MOST_OFFERED: usize = 3;
/// A longer list nobody reads.
const MOST_LISTED: usize = 20;

/// Those of `candidates` that look most like `given`, best first. Case does not count.
pub fn near<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let given = given.to_lowercase();
    let mut alike: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&given, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|left, right| right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    alike.dedup();
    let best = alike.first().map_or(0.0, |(likeness, _)| *likeness);
    let offered = alike.into_iter().take_while(|(likeness, _)| *likeness >= best - BESIDE).take(MOST_OFFERED);
    offered.map(|(_, name)| name.to_owned()).collect()
}

/// Offers the names that [`near`] found; none where it found none.
pub fn did_you_mean(near: &[String]) -> Option<String> {
    (!near.is_empty()).then(|| format!("did you mean {}?", listed(near, "or")))
}

/// Offers the names most like `given`, else all of them after `otherwise`, such as `the columns are`; none where there is
/// nothing to offer.
pub fn name_hint<'a>(
    given: &str,
    otherwise: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    did_you_mean(&near(given, candidates.clone())).or_else(|| {
        let all: Vec<&str> = candidates.into_iter().collect();
        match all.len() {
            0 => None,
            1..=MOST_LISTED => Some(format!("{otherwise} {}", listed(&all, "and"))),
            many => {
                let first: Vec<String> = all[..MOST_LISTED].iter().map(|name| format!("`{name}`")).collect();
                Some(format!("{otherwise} {}, and {} more", first.join(", "), many - MOST_LISTED))
            }
        }
    })
}

/// Names in a sentence, such as `` `a`, `b` or `c` ``.
pub fn listed(names: &[impl AsRef<str>], conjunction: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} {conjunction} {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_best_first() {
        assert_eq!(near("ride", ["bride", "rides", "unrelated"]), ["rides", "bride"]);
        assert_eq!(near("Rides", ["rides"]), ["rides"]);
        assert_eq!(near("riedse", ["rides", "rides"]), ["rides"]);
        assert_eq!(near("zone_huor", ["zone_day", "zone_hour"]), ["zone_hour"]);
        assert_eq!(near("x", ["rides"]), [""; 0]);
    }

    #[test]
    fn a_hint_offers_what_is_near_or_lists_what_there_is() {
        let columns = ["fare", "zone", "tip"];
        assert_eq!(name_hint("fair", "the columns are", columns).as_deref(), Some("did you mean `fare`?"));
        assert_eq!(
            name_hint("when", "the columns are", columns).as_deref(),
            Some("the columns are `fare`, `zone` and `tip`")
        );
        let many: Vec<String> = (0..30).map(|number| format!("c{number}")).collect();
        let hint = name_hint("when", "the columns are", many.iter().map(String::as_str)).expect("a hint");
        assert!(hint.ends_with("`c19`, and 10 more"), "{hint}");
        assert_eq!(name_hint("when", "the columns are", []), None);
        assert_eq!(did_you_mean(&["a".to_owned(), "b".to_owned()]).as_deref(), Some("did you mean `a` or `b`?"));
    }
}
