//! What goes on a tape and comes from it: exchanges under way, and which recorded answer a request gets.

use std::collections::{BTreeMap, BTreeSet};

use crate::headers::{Headers, differences};
use crate::secrets::Sieve;
use crate::tape::{Content, Exchange, LARGEST_TAPE, Tape};

/// A request, as it is written down and looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub method: String,
    /// In its normal form.
    pub url: String,
    /// Those that say what is asked, without secrets.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Question {
    /// What it is called in a sentence.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.url)
    }
}

/// An answer, as a program gets it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    /// By names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A tape that is being written.
#[derive(Debug)]
pub(crate) struct Recorder {
    sieve: Sieve,
    headers: Headers,
    /// In the order in which they began; those without an answer are under way, or nobody took their answer.
    exchanges: Vec<(u32, Question, Option<Answer>)>,
    /// Bytes of all bodies.
    size: usize,
    /// What a secret stands in that could not be taken out: the step, and in words what.
    leaks: Vec<(u32, String)>,
}

impl Recorder {
    pub fn new(sieve: Sieve, headers: Headers) -> Self {
        Self { sieve, headers, exchanges: Vec::new(), size: 0, leaks: Vec::new() }
    }

    /// Makes room for an exchange; gives its place.
    pub fn begin(&mut self, step: u32, question: &Question) -> usize {
        let question = Question {
            method: question.method.clone(),
            url: self.sieve.text(&question.url),
            headers: question.headers.clone(),
            body: self.sieve.bytes(&question.body),
        };
        self.size += question.body.len();
        let misses = |part: &[u8]| self.sieve.misses(part);
        let is_left = question.headers.values().any(|value| misses(value.as_bytes()));
        if is_left || misses(question.url.as_bytes()) || misses(&question.body) {
            self.leaks.push((step, format!("the request {}", question.name())));
        }
        self.exchanges.push((step, question, None));
        self.exchanges.len() - 1
    }

    /// Writes down what was answered; false where it is too much for a tape.
    pub fn finish(&mut self, place: usize, answer: &Answer) -> bool {
        let clean = Answer {
            status: answer.status,
            content_type: answer.content_type.clone(),
            headers: answer.headers.iter().map(|(name, value)| (name.clone(), self.sieve.text(value))).collect(),
            body: self.sieve.bytes(&answer.body),
        };
        self.size += clean.body.len();
        // A body in base64 is a third larger.
        let fits = self.size <= LARGEST_TAPE / 4 * 3;
        if fits {
            let (step, question, answered) = &mut self.exchanges[place];
            let misses = |part: &[u8]| self.sieve.misses(part);
            if clean.headers.iter().any(|(_, value)| misses(value.as_bytes())) || misses(&clean.body) {
                self.leaks.push((*step, format!("the answer to {}", question.name())));
            }
            *answered = Some(clean);
        }
        fits
    }

    /// What a secret stands in that could not be taken out, in words, with the step that asked.
    pub fn leaks(&self) -> &[(u32, String)] {
        &self.leaks
    }

    pub fn tape(&self) -> Tape {
        let done = self.exchanges.iter().filter_map(|(step, question, answer)| {
            let answer = answer.clone()?;
            Some(Exchange {
                step: *step,
                method: question.method.clone(),
                url: question.url.clone(),
                request_headers: question.headers.clone(),
                request: Content(question.body.clone()),
                status: answer.status,
                content_type: answer.content_type,
                answer_headers: answer.headers.into_iter().collect(),
                answer: Content(answer.body),
            })
        });
        Tape::new(self.headers.ignored().clone(), done.collect())
    }
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Miss {
    /// To stand behind what was asked.
    pub words: String,
    /// The headers, in lower case, for which alone it is another than a recorded one.
    pub headers: Vec<String>,
}

/// A tape that is played. Each exchange is given once: those of the step that asks before others, earlier ones first.
#[derive(Debug)]
pub(crate) struct Player {
    exchanges: Vec<Exchange>,
    given: BTreeSet<usize>,
}

impl Player {
    /// `headers` are the rules by which requests are read.
    pub fn new(mut tape: Tape, headers: &Headers) -> Self {
        // What was looked at when it was recorded may not be now.
        for exchange in &mut tape.exchanges {
            exchange.request_headers.retain(|name, _| headers.counts(name));
        }
        Self { exchanges: tape.exchanges, given: BTreeSet::new() }
    }

    /// # Errors
    /// It is not on the tape.
    pub fn answer(&mut self, step: u32, question: &Question) -> Result<Answer, Miss> {
        let asks = |exchange: &Exchange| is_same(exchange, question) && exchange.request_headers == question.headers;
        let left =
            || (0..self.exchanges.len()).filter(|place| !self.given.contains(place) && asks(&self.exchanges[*place]));
        let found = left().find(|place| self.exchanges[*place].step == step).or_else(|| left().next());
        let Some(place) = found else { return Err(self.miss(step, question)) };
        self.given.insert(place);
        let exchange = &self.exchanges[place];
        Ok(Answer {
            status: exchange.status,
            content_type: exchange.content_type.clone(),
            headers: exchange.answer_headers.clone().into_iter().collect(),
            body: exchange.answer.0.clone(),
        })
    }

    fn miss(&self, step: u32, question: &Question) -> Miss {
        let same = || self.exchanges.iter().filter(|exchange| is_same(exchange, question));
        let times = same().filter(|exchange| exchange.request_headers == question.headers).count();
        let plain = |words: String| Miss { words, headers: Vec::new() };
        match times {
            0 => {}
            1 => return plain("is on the cassette once, and was asked more often".to_owned()),
            times => return plain(format!("is on the cassette {times} times, and was asked more often")),
        }
        // Of those that ask the same otherwise the one that is most like it, of the step that asks before others.
        let unlike = same().map(|exchange| {
            let differences = differences(&exchange.request_headers, &question.headers);
            (differences.len(), exchange.step != step, differences)
        });
        if let Some((.., differences)) = unlike.min_by_key(|(count, is_of_other, _)| (*count, *is_of_other)) {
            let (headers, told): (Vec<String>, Vec<String>) = differences.into_iter().unzip();
            let which = if headers.len() == 1 { "another header" } else { "other headers" };
            return Miss { words: format!("is on the cassette with {which} alone: {}", told.join("; ")), headers };
        }
        let is_there = |exchange: &Exchange| exchange.method == question.method && exchange.url == question.url;
        if self.exchanges.iter().any(is_there) {
            return plain("is on the cassette with another body alone".to_owned());
        }
        plain("is not on the cassette".to_owned())
    }
}

/// Whether an exchange is of the same request, but for its headers.
fn is_same(exchange: &Exchange, question: &Question) -> bool {
    (&exchange.method, &exchange.url, &exchange.request.0) == (&question.method, &question.url, &question.body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    fn question(url: &str, body: &str) -> Question {
        Question { method: "POST".to_owned(), url: url.to_owned(), headers: BTreeMap::new(), body: body.into() }
    }

    fn with(url: &str, headers: &[(&str, &str)]) -> Question {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Question { headers, ..question(url, "") }
    }

    fn recorder(sieve: Sieve) -> Recorder {
        Recorder::new(sieve, Headers::default())
    }

    fn player(tape: Tape) -> Player {
        Player::new(tape, &Headers::default())
    }

    fn answer(body: &str) -> Answer {
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }

    fn recorded(exchanges: &[(u32, &str, &str)]) -> Tape {
        let mut writer = recorder(Sieve::default());
        for (step, url, body) in exchanges {
            let place = writer.begin(*step, &question(url, ""));
            assert!(writer.finish(place, &answer(body)));
        }
        writer.tape()
    }

    #[test]
    fn the_same_request_is_answered_in_order_and_each_answer_given_once() {
        let mut player = player(recorded(&[(1, "a", "1"), (1, "b", "2"), (1, "a", "3")]));
        let mut ask = |url: &str| {
            let answer = player.answer(1, &question(url, "")).map_err(|miss| miss.words)?;
            Ok(String::from_utf8(answer.body).expect("text"))
        };
        assert_eq!(ask("a"), Ok("1".to_owned()));
        assert_eq!(ask("a"), Ok("3".to_owned()));
        assert_eq!(ask("a"), Err("is on the cassette 2 times, and was asked more often".to_owned()));
        assert_eq!(ask("b"), Ok("2".to_owned()));
        assert_eq!(ask("b"), Err("is on the cassette once, and was asked more often".to_owned()));
        assert_eq!(ask("c"), Err("is not on the cassette".to_owned()));
        let other = player.answer(1, &question("a", "another"));
        assert_eq!(other.map_err(|miss| miss.words), Err("is on the cassette with another body alone".to_owned()));
    }

    #[test]
    fn a_request_with_another_header_is_another_request() {
        let mut writer = recorder(Sieve::default());
        for (step, lang, tenant) in [(1, "en", "a"), (2, "en", "b"), (2, "de", "b")] {
            let place = writer.begin(step, &with("u", &[("accept-language", lang), ("x-tenant", tenant)]));
            assert!(writer.finish(place, &answer(&format!("{lang} {tenant}"))));
        }
        let mut player = player(writer.tape());
        let mut ask = |step: u32, headers: &[(&str, &str)]| player.answer(step, &with("u", headers));
        assert_eq!(ask(1, &[("accept-language", "de"), ("x-tenant", "b")]), Ok(answer("de b")));
        assert_eq!(ask(1, &[("accept-language", "en"), ("x-tenant", "b")]), Ok(answer("en b")));
        let miss = |words: &str, headers: &[&str]| {
            let headers = headers.iter().map(|name| (*name).to_owned()).collect();
            Err(Miss { words: format!("is on the cassette {words}"), headers })
        };
        // The nearest is told, that of its own step first.
        let words = "with another header alone: `accept-language` was `en` when it was recorded, and is `fr` now";
        assert_eq!(ask(1, &[("accept-language", "fr"), ("x-tenant", "a")]), miss(words, &["accept-language"]));
        let words = "with another header alone: `x-tenant` was `b` when it was recorded, and is not there now";
        assert_eq!(ask(2, &[("accept-language", "en")]), miss(words, &["x-tenant"]));
        let words = "with other headers alone: `accept-language` was `en` when it was recorded, and is not there now; `x-tenant` was `a` when it was recorded, and is `c` now";
        assert_eq!(ask(1, &[("x-tenant", "c")]), miss(words, &["accept-language", "x-tenant"]));
        let again = ask(2, &[("accept-language", "de"), ("x-tenant", "b")]);
        assert_eq!(again, miss("once, and was asked more often", &[]));
    }

    #[test]
    fn what_is_not_looked_at_any_more_is_not_missed() {
        let mut writer = Recorder::new(Sieve::default(), Headers::new(["x-mine".to_owned()].into()));
        let place = writer.begin(1, &with("u", &[("x-a", "1"), ("x-b", "2")]));
        assert!(writer.finish(place, &answer("yes")));
        let tape = writer.tape();
        assert_eq!(tape.ignored_headers, ["x-mine".to_owned()].into());
        let mut player = Player::new(tape, &Headers::new(["x-b".to_owned()].into()));
        assert_eq!(player.answer(1, &with("u", &[("x-a", "1")])), Ok(answer("yes")));
    }

    #[test]
    fn a_secret_that_cannot_be_taken_out_is_told() {
        let secret = Secret { value: "s3cret-of-ada".to_owned(), placeholder: "__secret_KEY__".to_owned() };
        let mut writer = recorder(Sieve::new(&[secret]));
        // `ada:s3cret-of-ada`, in lines of ten letters.
        let place = writer.begin(2, &question("http://a/", "YWRhOnMzY3\nJldC1vZi1h\nZGE="));
        assert!(writer.finish(place, &answer("YWRhOnMzY3\r\nJldC1vZi1h\r\nZGE=")));
        let told = [(2, "the request POST http://a/".to_owned()), (2, "the answer to POST http://a/".to_owned())];
        assert_eq!(writer.leaks(), told);
    }

    #[test]
    fn a_step_that_runs_without_those_before_it_gets_its_own_answers() {
        let mut player = player(recorded(&[(1, "a", "of the first"), (2, "a", "of the second")]));
        assert_eq!(player.answer(2, &question("a", "")), Ok(answer("of the second")));
        assert_eq!(player.answer(2, &question("a", "")), Ok(answer("of the first")));
    }

    #[test]
    fn requests_stand_in_the_order_in_which_they_began_and_those_without_an_answer_nowhere() {
        let mut writer = recorder(Sieve::default());
        let places = ["slow", "lost", "quick"].map(|url| writer.begin(1, &question(url, "")));
        assert!(writer.finish(places[2], &answer("q")) && writer.finish(places[0], &answer("s")));
        let urls: Vec<String> = writer.tape().exchanges.into_iter().map(|exchange| exchange.url).collect();
        assert_eq!(urls, ["slow", "quick"]);
    }

    #[test]
    fn secrets_are_taken_out_of_all_parts() {
        let secret = Secret { value: "s3cret".to_owned(), placeholder: "__secret_KEY__".to_owned() };
        let mut writer = recorder(Sieve::new(&[secret]));
        let place = writer.begin(1, &question("http://a/?key=s3cret", "{\"key\": \"s3cret\"}"));
        let headers = vec![("location".to_owned(), "/s3cret".to_owned())];
        assert!(writer.finish(place, &Answer { headers, ..answer("you said s3cret") }));
        let text = String::from_utf8(writer.tape().write()).expect("text");
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(text.matches("__secret_KEY__").count(), 4, "{text}");
    }

    #[test]
    fn more_than_a_tape_holds_is_not_written_down() {
        let mut writer = recorder(Sieve::default());
        let half = "x".repeat(LARGEST_TAPE / 2);
        let (one, other) = (writer.begin(1, &question("a", "")), writer.begin(1, &question("b", "")));
        assert!(writer.finish(one, &answer(&half)));
        assert!(!writer.finish(other, &answer(&half)));
    }
}
