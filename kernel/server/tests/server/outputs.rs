//! Outputs beyond a line of text: updates, clearing, progress, liveness, and floods.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::front_end::{FrontEnd, raw_peer};

#[tokio::test(flavor = "multi_thread")]
async fn displays_are_updated_and_cleared() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("named first\nupdate second\nclear wait\nclear\nnote a word").await;
    let mut ids = Vec::new();
    let mut lines = Vec::new();
    loop {
        let message = front_end.published().await;
        lines.push(message.line());
        ids.extend(message.content["transient"]["display_id"].as_str().map(str::to_owned));
        if message.line() == "idle" {
            break;
        }
    }
    assert_eq!(
        lines,
        [
            "busy",
            "input 1",
            "display_data: first",
            "update_display_data: second",
            "clear wait=true",
            "clear wait=false",
            "stderr: a word\n",
            "idle"
        ]
    );
    assert_eq!(ids, ["d1", "d1"]);
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_work_shows_progress_and_how_it_ended() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end
        .send_cell("progress 10\nsleep 450\nprogress 60\nsleep 150\nprogress 100\nprogress_ended\nresult done")
        .await;
    let lines = front_end.until_idle(&id).await;
    assert!(lines[2].starts_with("display_data: load: 10 of 100 rows"), "{lines:#?}");
    assert!(lines[3].starts_with("update_display_data: load: 60 of 100 rows"), "{lines:#?}");
    assert!(
        lines[4].starts_with("update_display_data: load: 100 of 100 rows") && !lines[4].contains("left"),
        "{lines:#?}"
    );
    assert_eq!(lines[5..], ["result 1: done", "idle"]);
    front_end.reply(&id).await;
    // Work of a moment shows nothing.
    let id = front_end.send_cell("progress 10\nprogress_ended").await;
    assert_eq!(front_end.until_idle(&id).await, ["busy", "input 2", "idle"]);
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_there_while_the_cell_runs() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("print no newline\nsleep 3000").await;
    for wanted in ["busy", "input 1"] {
        assert_eq!(front_end.published().await.line(), wanted);
    }
    let began = Instant::now();
    assert_eq!(front_end.published().await.line(), "stdout: no newline");
    assert!(began.elapsed() < Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(front_end.until_idle(&id).await, ["idle"]);
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_in_the_open() {
    let mut front_end = FrontEnd::start().await;
    let id = front_end.send_cell("flood 100\nprint the very end\nresult 1").await;
    let lines = front_end.until_idle(&id).await;
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!((16 << 20..17 << 20).contains(&bytes), "{bytes}");
    assert!(lines[3].contains("has printed 16 MiB"), "{}", lines[3]);
    let end = &lines[lines.len() - 3..];
    assert!(end[0].contains("were left out"), "{}", end[0]);
    assert!(end[1].ends_with("the very end"));
    front_end.reply(&id).await;
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_that_reads_late_gets_everything_and_the_cell_waits() {
    let mut front_end = FrontEnd::start().await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(front_end.send_cell("flood 15").await);
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    // 60 MiB do not fit into what may wait: some cell has not been able to end.
    let ended = front_end.engine.ended.load(Ordering::SeqCst);
    assert!(ended < 4, "all cells have ended");
    for id in &ids {
        let lines = front_end.until_idle(id).await;
        assert_eq!(lines[2].len(), "stdout: ".len() + (15 << 20));
    }
    for id in &ids {
        assert_eq!(front_end.reply(id).await["status"], "ok");
    }
    front_end.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_end_that_never_reads_does_not_stop_the_others() {
    let mut front_end = FrontEnd::start().await;
    let mut asleep = raw_peer(front_end.info.iopub_port, "SUB").await;
    asleep.write_all(b"\x00\x01\x01").await.expect("subscribed to everything");
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(front_end.send_cell("flood 15").await);
    }
    for id in &ids {
        let lines = front_end.until_idle(id).await;
        assert_eq!(lines[2].len(), "stdout: ".len() + (15 << 20));
        assert_eq!(front_end.reply(id).await["status"], "ok");
    }
    front_end.end().await;
}
