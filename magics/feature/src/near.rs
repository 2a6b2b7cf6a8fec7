//! "Did you mean": the known name that is nearest to one that nobody knows.

/// The candidate most like `wanted`, when one is alike enough to be worth offering. Case does not count.
pub(crate) fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let wanted = wanted.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.75)
        .max_by(|(a, left), (b, right)| a.total_cmp(b).then_with(|| right.cmp(left)))
        .map(|(_, candidate)| candidate.to_owned())
}

/// The hint for an unknown name: the nearest known one, or the whole list when it is short enough to read.
pub(crate) fn hint<'a>(
    wanted: &str,
    what: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(near) = nearest(wanted, candidates.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
    match all.len() {
        0 => None,
        1..=20 => Some(format!("the {what} are {}", all.join(", "))),
        more => Some(format!("the {what} are {}, and {} more", all[..20].join(", "), more - 20)),
    }
}
