"""What was lost comes back: after a crash of the process that runs cells, and after one of the whole kernel."""

import os
import signal

from house import Kernel

BESIDE = "let beside = std::thread::spawn(|| -> () { loop { std::thread::sleep(std::time::Duration::from_secs(1)) } });"
ADD = "let add: Box<dyn Fn(i64) -> i64> = Box::new(move |n| n + by);"


def test_what_cannot_be_moved_is_made_again(kernel):
    kernel.run("fn twice(n: i64) -> i64 { 2 * n }").ok()
    kernel.run("let by = twice(20);").ok()
    kernel.run('println!("once");\n' + ADD).ok()
    kernel.run("struct Opened { size: usize }\nlet file = Opened { size: std::fs::read_dir(\".\").unwrap().count() };").ok()
    kernel.run(BESIDE).ok()
    reply = kernel.run("let lost = 1;\nstd::process::abort();")
    words = reply.failed("variables kept: by", "made again: add (In[3])", "gone:", "file (In[4] may do more", "beside (In[5] may do more")
    assert "once" not in words, "what a cell shows when it runs again was shown before"
    assert [kind for kind, _ in reply.outputs] == ["error"], "one cell needs no progress display"
    assert kernel.run("add(2)").ok() == "42\n"
    kernel.run("file.size").failed("file")
    # With one thread now, nothing has to be made again.
    kernel.run("drop(add);\nstd::process::abort();").failed("all variables are as they were")
    assert kernel.run("add(2)").ok() == "42\n"


def test_what_would_take_long_waits_for_a_word(kernel):
    kernel.run("let by = 40_i64;").ok()
    # It waits on a lock, in eleven steps of a second, and does nothing else.
    slow = "fn pause(seconds: u32) { for _ in 0..seconds { let _ = std::sync::Condvar::new().wait_timeout(std::sync::Mutex::new(()).lock().unwrap(), std::time::Duration::from_secs(1)); } }"
    kernel.run(slow).ok()
    kernel.run(f"{ADD} pause(11);").ok()
    kernel.run(BESIDE).ok()
    kernel.run("std::process::abort();").failed("`%kernel recover` makes these again", "add (In[3])")
    kernel.run("add(2)").failed("add")
    assert "can be made again" in kernel.run("%kernel recover --dry-run").ok()
    assert "made again" in kernel.run("%kernel recover").ok()
    assert kernel.run("add(2)").ok() == "42\n"
    assert "nothing was lost" in kernel.run("%lab init\n%kernel recover").ok()


def test_a_process_that_is_killed_between_cells_leaves_word(kernel):
    kernel.run("let by = 40_i64;").ok()
    kernel.run(ADD).ok()
    kernel.run(BESIDE).ok()
    worker = int(kernel.run("std::process::id()").ok())
    os.kill(worker, signal.SIGKILL)
    assert "`%kernel recover` makes these again" in kernel.run("1").ok()
    assert "made again" in kernel.run("%kernel recover").ok()
    assert kernel.run("add(2)").ok() == "42\n"


def test_a_new_kernel_goes_on_where_the_old_one_was_killed(tmp_path):
    (tmp_path / "rides.csv").write_text("ride,zone,pickup\n" + "".join(f"{n},z{n % 2},2026-03-01T08:00:00Z\n" for n in range(10)))
    with Kernel(tmp_path) as old:
        old.run("%lab init").ok()
        assert "nothing was lost" in old.run("%kernel recover").ok()
        old.run("%feature source rides rides.csv --event-time pickup --key ride").ok()
        old.run("use std::collections::BTreeMap;\n#[derive(Debug)]\nstruct Point { x: i64 }\nfn twice(n: i64) -> i64 { 2 * n }").ok()
        old.run("%feature sql SELECT ride FROM rides WHERE zone = 'z1' -> some").ok()
        old.run("let mut points = vec![Point { x: twice(some.rows() as i64) }]; let map: BTreeMap<i64, i64> = [(1, 2)].into();").ok()
        old.run("points.push(Point { x: 3 });").ok()
        old.run("let text = std::fs::read_to_string(\"rides.csv\")?;").ok()
        old.run("let broken: i32 = \"text\";").failed("mismatched")
        old.send('points.clear(); println!("begun"); loop {}')
        while old.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
            pass
        old.kill()
    with Kernel(tmp_path) as new:
        planned = new.run("%kernel recover --dry-run").ok()
        assert "can be made again" in planned and "text" in planned and "`fs`" in planned
        new.run("points.len()").failed("points")
        told = new.run("%kernel recover").ok()
        assert "made again" in told and "`fs`" in told
        reply = new.run("(&points, &map, twice(2), some.rows())")
        assert reply.ok() == "([Point { x: 10 }, Point { x: 3 }], {1: 2}, 4, 5)\n"
        assert reply.content["execution_count"] == 11, "it counts on from In [10], in which the kernel was killed"
        assert "made again" not in new.run("%kernel recover").ok(), "what is there stays as it is"
        # They are cells of this kernel, too.
        assert "points" in new.run("%promote plan sums --target points").ok()
