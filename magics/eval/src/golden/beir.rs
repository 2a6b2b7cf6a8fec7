//! A directory in the layout of BEIR: `queries.jsonl`, judgements as `qrels.tsv` or in `qrels/`, and perhaps `corpus.jsonl`.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kernwerk_core::{Question, Work};

use super::Item;
use super::lines::{FIELDS, answers, checked_gain, once};
use crate::Error;
use crate::files::{Line, TextFile};
use crate::metric::ranking::Judgements;

/// What a directory holds.
pub(super) struct Beir {
    pub items: Vec<Item>,
    pub files: Vec<TextFile>,
    pub notes: Vec<String>,
}

/// Reads a directory; `split` names the file in `qrels/` where there are several.
pub(super) fn read(directory: &Path, label: &str, split: Option<&str>, work: &Work) -> Result<Beir, Error> {
    let label = label.trim_end_matches('/');
    let open = |name: &str| TextFile::read(&directory.join(name), &format!("{label}/{name}"));
    let queries = open("queries.jsonl")?;
    let mut items = questions(&queries)?;
    let judgements = judgements_file(directory, label, split)?.map(|name| open(&name)).transpose()?;
    let mut files = vec![queries];
    let mut notes = Vec::new();
    if let Some(file) = judgements {
        judge(&mut items, &file)?;
        files.push(file);
        if directory.join("corpus.jsonl").is_file() {
            work.check()?;
            let corpus = open("corpus.jsonl")?;
            notes.extend(missing(&items, &corpus)?);
            files.push(corpus);
        }
    }
    let all = items.len();
    items.retain(|item| item.answers.is_some() || item.judged.is_some());
    if items.len() < all {
        notes.push(format!("left out {} with neither judged documents nor answers", counted(all - items.len())));
    }
    Ok(Beir { items, files, notes })
}

fn questions(file: &TextFile) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    let mut seen = HashMap::new();
    for line in file.lines() {
        let object = line.object()?;
        object.only(&FIELDS)?;
        let id = object.id()?.ok_or_else(|| object.line.wrong(format!("there is no `_id`; {}", object.names())))?;
        once(&mut seen, &id, &object)?;
        let text = object.text(&["text", "question"])?.to_owned();
        items.push(Item { question: Question { id, text }, answers: answers(&object)?, judged: None });
    }
    Ok(items)
}

/// The file with the judgements, from the directory; none where there is none and nothing was asked for.
fn judgements_file(directory: &Path, label: &str, split: Option<&str>) -> Result<Option<String>, Error> {
    let splits = splits(&directory.join("qrels"));
    let wrong = |message: String, hint: Option<String>| Error::File { place: format!("{label}/qrels"), message, hint };
    let file = |split: &str| Some(format!("qrels/{split}.tsv"));
    if let Some(split) = split {
        let found = splits.iter().find(|name| *name == split);
        return match found {
            Some(name) => Ok(file(name)),
            None => Err(wrong(
                format!("there is no {split}.tsv"),
                (!splits.is_empty()).then(|| format!("there are {}", splits.join(", "))),
            )),
        };
    }
    match splits.as_slice() {
        _ if directory.join("qrels.tsv").is_file() => Ok(Some("qrels.tsv".to_owned())),
        [] => Ok(None),
        [only] => Ok(file(only)),
        [first, ..] => {
            let hint = if splits.iter().any(|split| split == "test") { "test" } else { first };
            let message = format!("there are judgements for {}", splits.join(", "));
            Err(wrong(message, Some(format!("choose one, such as `--split {hint}`"))))
        }
    }
}

/// The names of the files in `qrels/`, sorted, without `.tsv`.
fn splits(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".tsv")?.to_owned())).collect();
    names.sort_unstable();
    names
}

/// Gives the items their judgements: lines of query, document and gain, with tabs between, below a line of headings.
fn judge(items: &mut [Item], file: &TextFile) -> Result<(), Error> {
    let places: HashMap<String, usize> =
        items.iter().enumerate().map(|(place, item)| (item.question.id.clone(), place)).collect();
    let mut is_first = true;
    for line in file.lines() {
        let (query, document, gain) = judgement(&line)?;
        let Ok(gain) = gain.parse::<i64>() else {
            if std::mem::take(&mut is_first) {
                continue;
            }
            return Err(line.wrong(format!("the gain `{gain}` is no whole number")));
        };
        is_first = false;
        let gain = checked_gain(&line, document, gain)?;
        let Some(place) = places.get(query) else {
            return Err(line.wrong(format!("query `{query}` is not in queries.jsonl")));
        };
        let judged: &mut Judgements = items[*place].judged.get_or_insert_default();
        if judged.insert(document.to_owned(), gain).is_some_and(|earlier| earlier != gain) {
            return Err(line.wrong(format!("query `{query}` and document `{document}` have another gain already")));
        }
    }
    Ok(())
}

fn judgement<'a>(line: &Line<'a>) -> Result<(&'a str, &'a str, &'a str), Error> {
    let columns: Vec<&str> = line.text.split('\t').map(str::trim).collect();
    match columns.as_slice() {
        [query, document, gain] if !query.is_empty() && !document.is_empty() => Ok((query, document, gain)),
        _ => Err(line.wrong("there are not a query, a document and a gain with tabs between")),
    }
}

/// Tells of judged documents that the corpus does not have.
fn missing(items: &[Item], corpus: &TextFile) -> Result<Option<String>, Error> {
    let mut there = HashSet::new();
    for line in corpus.lines() {
        there.extend(line.object()?.id()?);
    }
    let judged: HashSet<&String> =
        items.iter().flat_map(|item| &item.judged).flat_map(|judged| judged.keys()).collect();
    let missing = judged.into_iter().filter(|document| !there.contains(*document)).count();
    Ok(match missing {
        0 => None,
        1 => Some("1 judged document is not in corpus.jsonl".to_owned()),
        many => Some(format!("{many} judged documents are not in corpus.jsonl")),
    })
}

fn counted(questions: usize) -> String {
    if questions == 1 { "1 question".to_owned() } else { format!("{questions} questions") }
}
