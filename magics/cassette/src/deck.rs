//! What goes on a tape and comes from it: exchanges under way, and which recorded answer a request gets.

use std::collections::BTreeSet;

use crate::secrets::Sieve;
use crate::tape::{Content, Exchange, LARGEST_TAPE, Tape};

/// A request, as it is written down and looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub method: String,
    /// In its normal form.
    pub url: String,
    pub body: Vec<u8>,
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
    /// In the order in which they began; those without an answer are under way, or nobody took their answer.
    exchanges: Vec<(u32, Question, Option<Answer>)>,
    /// Bytes of all bodies.
    size: usize,
}

impl Recorder {
    pub fn new(sieve: Sieve) -> Self {
        Self { sieve, exchanges: Vec::new(), size: 0 }
    }

    /// Makes room for an exchange; gives its place.
    pub fn begin(&mut self, step: u32, question: &Question) -> usize {
        let question = Question {
            method: question.method.clone(),
            url: self.sieve.text(&question.url),
            body: self.sieve.bytes(&question.body),
        };
        self.size += question.body.len();
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
            self.exchanges[place].2 = Some(clean);
        }
        fits
    }

    pub fn tape(&self) -> Tape {
        let done = self.exchanges.iter().filter_map(|(step, question, answer)| {
            let answer = answer.clone()?;
            Some(Exchange {
                step: *step,
                method: question.method.clone(),
                url: question.url.clone(),
                request: Content(question.body.clone()),
                status: answer.status,
                content_type: answer.content_type,
                headers: answer.headers.into_iter().collect(),
                answer: Content(answer.body),
            })
        });
        Tape::new(done.collect())
    }
}

/// A tape that is played. Each exchange is given once: those of the step that asks before others, earlier ones first.
#[derive(Debug)]
pub(crate) struct Player {
    exchanges: Vec<Exchange>,
    given: BTreeSet<usize>,
}

impl Player {
    pub fn new(tape: Tape) -> Self {
        Self { exchanges: tape.exchanges, given: BTreeSet::new() }
    }

    /// # Errors
    /// It is not on the tape; in words why not.
    pub fn answer(&mut self, step: u32, question: &Question) -> Result<Answer, String> {
        let asks = |exchange: &Exchange| {
            (&exchange.method, &exchange.url, &exchange.request.0) == (&question.method, &question.url, &question.body)
        };
        let left =
            || (0..self.exchanges.len()).filter(|place| !self.given.contains(place) && asks(&self.exchanges[*place]));
        let found = left().find(|place| self.exchanges[*place].step == step).or_else(|| left().next());
        let Some(place) = found else { return Err(self.why_not(question, asks)) };
        self.given.insert(place);
        let exchange = &self.exchanges[place];
        Ok(Answer {
            status: exchange.status,
            content_type: exchange.content_type.clone(),
            headers: exchange.headers.clone().into_iter().collect(),
            body: exchange.answer.0.clone(),
        })
    }

    fn why_not(&self, question: &Question, asks: impl Fn(&Exchange) -> bool) -> String {
        let times = self.exchanges.iter().filter(|exchange| asks(exchange)).count();
        let is_there = |exchange: &&Exchange| exchange.method == question.method && exchange.url == question.url;
        match times {
            0 if self.exchanges.iter().any(|exchange| is_there(&exchange)) => {
                "is on the cassette with another body alone".to_owned()
            }
            0 => "is not on the cassette".to_owned(),
            1 => "is on the cassette once, and was asked more often".to_owned(),
            times => format!("is on the cassette {times} times, and was asked more often"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secret;

    fn question(url: &str, body: &str) -> Question {
        Question { method: "POST".to_owned(), url: url.to_owned(), body: body.into() }
    }

    fn answer(body: &str) -> Answer {
        Answer { status: 200, body: body.into(), ..Answer::default() }
    }

    fn recorded(exchanges: &[(u32, &str, &str)]) -> Tape {
        let mut recorder = Recorder::new(Sieve::default());
        for (step, url, body) in exchanges {
            let place = recorder.begin(*step, &question(url, ""));
            assert!(recorder.finish(place, &answer(body)));
        }
        recorder.tape()
    }

    #[test]
    fn the_same_request_is_answered_in_order_and_each_answer_given_once() {
        let mut player = Player::new(recorded(&[(1, "a", "1"), (1, "b", "2"), (1, "a", "3")]));
        let mut ask = |url: &str| {
            player.answer(1, &question(url, "")).map(|answer| String::from_utf8(answer.body).expect("text"))
        };
        assert_eq!(ask("a"), Ok("1".to_owned()));
        assert_eq!(ask("a"), Ok("3".to_owned()));
        assert_eq!(ask("a"), Err("is on the cassette 2 times, and was asked more often".to_owned()));
        assert_eq!(ask("b"), Ok("2".to_owned()));
        assert_eq!(ask("b"), Err("is on the cassette once, and was asked more often".to_owned()));
        assert_eq!(ask("c"), Err("is not on the cassette".to_owned()));
        let other = player.answer(1, &question("a", "another"));
        assert_eq!(other, Err("is on the cassette with another body alone".to_owned()));
    }

    #[test]
    fn a_step_that_runs_without_those_before_it_gets_its_own_answers() {
        let mut player = Player::new(recorded(&[(1, "a", "of the first"), (2, "a", "of the second")]));
        assert_eq!(player.answer(2, &question("a", "")), Ok(answer("of the second")));
        assert_eq!(player.answer(2, &question("a", "")), Ok(answer("of the first")));
    }

    #[test]
    fn requests_stand_in_the_order_in_which_they_began_and_those_without_an_answer_nowhere() {
        let mut recorder = Recorder::new(Sieve::default());
        let places = ["slow", "lost", "quick"].map(|url| recorder.begin(1, &question(url, "")));
        assert!(recorder.finish(places[2], &answer("q")) && recorder.finish(places[0], &answer("s")));
        let urls: Vec<String> = recorder.tape().exchanges.into_iter().map(|exchange| exchange.url).collect();
        assert_eq!(urls, ["slow", "quick"]);
    }

    #[test]
    fn secrets_are_taken_out_of_all_parts() {
        let secret = Secret { value: "s3cret".to_owned(), placeholder: "__secret_KEY__".to_owned() };
        let mut recorder = Recorder::new(Sieve::new(&[secret]));
        let place = recorder.begin(1, &question("http://a/?key=s3cret", "{\"key\": \"s3cret\"}"));
        let headers = vec![("location".to_owned(), "/s3cret".to_owned())];
        assert!(recorder.finish(place, &Answer { headers, ..answer("you said s3cret") }));
        let text = String::from_utf8(recorder.tape().write()).expect("text");
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(text.matches("__secret_KEY__").count(), 4, "{text}");
    }

    #[test]
    fn more_than_a_tape_holds_is_not_written_down() {
        let mut recorder = Recorder::new(Sieve::default());
        let half = "x".repeat(LARGEST_TAPE / 2);
        let (one, other) = (recorder.begin(1, &question("a", "")), recorder.begin(1, &question("b", "")));
        assert!(recorder.finish(one, &answer(&half)));
        assert!(!recorder.finish(other, &answer(&half)));
    }
}
