//! Displays that are kept up to date after their cell has ended.

use std::time::Duration;

use super::front_end::{FrontEnd, Message};

fn id_of(message: &Message) -> String {
    message.content["transient"]["display_id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_answer_goes_on_after_its_cell_until_it_fails() {
    let mut front_end = FrontEnd::start().await;
    let a = front_end.send_cell("print above\nfollow first").await;
    for wanted in ["busy", "input 1", "stdout: above"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    let shown = front_end.published().await;
    assert_eq!(shown.line(), "display_data: first");
    assert_eq!(front_end.published().await.line(), "idle");
    front_end.reply(&a).await;
    // Nothing runs, and it goes on.
    let update = front_end.published().await;
    assert_eq!((update.line().as_str(), update.parent_id()), ("update_display_data: answer 0", a.as_str()));
    assert_eq!(id_of(&update), id_of(&shown));
    // Another cell runs, and it goes on.
    let b = front_end.send_cell("sleep 4000").await;
    let lines = front_end.until_idle_among(&[("a", &a), ("b", &b)]).await;
    front_end.reply(&b).await;
    let (of_a, of_b): (Vec<&String>, Vec<&String>) = lines.iter().partition(|line| line.starts_with('a'));
    assert_eq!(of_a, ["a update_display_data: answer 1", "a update_display_data: Gone: the ledger is gone"]);
    assert_eq!(of_b, ["b busy", "b input 2", "b idle"]);
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_followed_ends_when_told_and_with_the_next() {
    let mut front_end = FrontEnd::start().await;
    let mut ids = Vec::new();
    for code in ["follow one", "follow two", "end_following"] {
        ids.push(front_end.send_cell(code).await);
    }
    let requests: Vec<(&str, &str)> = ["a", "b", "c"].into_iter().zip(ids.iter().map(String::as_str)).collect();
    let lines = front_end.until_idle_among(&requests).await;
    assert!(lines.contains(&"b display_data: two".to_owned()), "{lines:#?}");
    for id in &ids {
        front_end.reply(id).await;
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    front_end.end().await;
}
