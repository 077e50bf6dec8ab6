"""Watching in a real browser: what is stored is what the library decides on the same events."""

from itertools import pairwise

from milestone_progress.simulator import Player
from wire_events import wire

from .player_page import VIDEO, Json, Opening, PlayerPage
from .player_server import PlayerServer
from .recordings import place_left, replayed, stored_as_decided

# Those of both clips, percent.
MILESTONES = [25, 50, 75, 100]
JUMPS = {"seeking", "seeked"}

# With the page's own modules and a real server, but without waiting for an hour.
AN_HOUR = """async (events) => {
  const load = (name) => import(new URL(name, location.href));
  const { Backup } = await load("backup.js");
  const { Reporter } = await load("reporter.js");
  const { Server } = await load("server.js");
  const { Viewing } = await load("viewing.js");
  const server = new Server();
  const { viewer_tag: tag } = await server.begin();
  const backup = await Backup.open(tag);
  const reporter = new Reporter({ server, backup, media: "bars" });
  const nothing = () => {};
  const told = { onMilestone: nothing, onStartedOver: nothing, log: null };
  const viewing = new Viewing({ media: "bars", reporter, backup, ...told });
  reporter.generation = 0;
  viewing.begin(null, 3600, 30);
  for (const event of events) {
    Date.now = () => event.at * 1000;
    viewing.handle(event);
    if (reporter.isUnsaved) {
      await reporter.settled();
    }
  }
  if (reporter.isUnsaved) {
    throw new Error("something was not saved");
  }
}"""


def assert_bar_is_honest(page: PlayerPage) -> None:
    """Compare what each frame has shown with what was reached by then."""
    frames = page.frames
    log = page.log()
    milestones = replayed(log).milestones
    assert len(frames) > 50
    for frame in frames:
        reached = milestones[frame["logged"] - 1] if frame["logged"] else 0
        assert [one for one in frame["reached"] if one > reached] == []
        jumped = sought_to(log[: frame["logged"]])
        ahead = [one for one in MILESTONES if one > max(reached, jumped)]
        assert frame["percent"] <= min(ahead, default=100) + 1e-6, frame
    for before, after in pairwise(frames):
        told = log[before["logged"] : after["logged"]]
        has_jumped = any(entry.get("event", {}).get("type") in JUMPS for entry in told)
        if before["isPlaying"] and after["isPlaying"] and not has_jumped:
            assert after["percent"] >= before["percent"], (before, after)


def sought_to(log: list[Json]) -> float:
    """Return to how many percent the viewer has sought last, 0 if nowhere."""
    events = [entry["event"] for entry in log if entry.get("event", {}).get("type") in JUMPS]
    return 100 * events[-1]["position"] / events[-1]["duration"] if events else 0.0


def test_a_clip_watched_to_its_end_is_completed_and_the_bar_is_honest_in_each_frame(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(1)
    page.until("document.querySelectorAll('.marker').length === 4")
    page.notice("Half way: 50 %.")
    page.notice("Complete: 100 %.")
    page.until(f"{VIDEO}.ended")
    replay = stored_as_decided(server, page.log)
    assert [one.decision.milestone for one in replay.decided] == MILESTONES
    assert_bar_is_honest(page)
    # One each, where every 30 s there would be none: the clip is half as long.
    assert server.reports("counter") == 4
    assert page.frames[-1]["reached"] == MILESTONES
    assert page.frames[-1]["percent"] == 100


def test_at_twice_the_speed_nothing_is_missed(open_player: Opening, server: PlayerServer) -> None:
    page = open_player().at_twice_the_speed().play_until(1).until(f"{VIDEO}.ended")
    replay = stored_as_decided(server, page.log)
    assert [one.decision.milestone for one in replay.decided] == MILESTONES
    assert_bar_is_honest(page)


def test_a_significant_seek_is_saved_once_it_has_settled(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(1).point_at(12.6).pause()
    page.until("window.progressLog.some((entry) => entry.decision?.trigger === 'seek')")
    replay = stored_as_decided(server, page.log)
    assert replay.last("counter").position >= 12.5
    assert_bar_is_honest(page)


def test_scrubbing_costs_no_more_than_where_it_ends(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().play_until(0.5).pause()
    box = page.page.locator("#slider").bounding_box()
    assert box is not None
    x, y, width = box["x"], box["y"] + box["height"] / 2, box["width"]
    page.page.mouse.move(x + 0.1 * width, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 0.9 * width, y, steps=30)
    page.page.mouse.move(x + 0.88 * width, y, steps=10)
    page.page.mouse.up()
    page.until("window.progressLog.some((entry) => entry.decision?.trigger === 'seek')")
    replay = stored_as_decided(server, page.log)
    sought = [entry for entry in page.log() if entry.get("event", {}).get("type") == "seeking"]
    assert len(sought) > 5
    assert len(replay.decided) == 1
    assert replay.last("counter").position > 13
    assert_bar_is_honest(page)


def test_a_long_pause_is_saved_and_a_short_one_is_not(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player(clock=True).play_until(1.2).pause()
    place = page.position
    page.page.clock.run_for(25_000)
    assert replayed(page.log()).decided == []
    page.page.clock.run_for(10_000)
    page.until("window.progressLog.some((entry) => entry.decision?.trigger === 'pause')")
    replay = stored_as_decided(server, page.log)
    assert abs(replay.last("counter").position - place) < 0.5


def test_who_lets_a_clip_loop_has_reached_its_end_each_time(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player()
    page.value(f"{VIDEO}.loop = true")
    page.play_until(0.5).point_at(11.6).play_until(14)
    page.until(f"{VIDEO}.currentTime < 5 && {VIDEO}.currentTime > 1")
    page.pause()
    stored_as_decided(server, page.log)
    assert not {"ended"} & {entry.get("event", {}).get("type") for entry in page.log()}
    record = server.record("ann", "counter")
    assert record is not None
    assert (record.milestone, record.completed) == (100, True)
    assert_bar_is_honest(page)


def test_the_next_clip_of_a_playlist_leaves_the_last_ones_place_alone(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player().at_twice_the_speed().play_until(5.2)
    page.choose("Twelve").watch_until(4.2)
    left = stored_as_decided(server, page.log, "counter").last("counter")
    assert left.last_milestone == 25
    place = place_left(page.log())
    assert place > 5
    assert abs(left.position - place) <= 1
    page.choose("Counting").answer("Resume from 0:0")
    last = stored_as_decided(server, page.log, "bars").last("bars")
    assert abs(last.position - place_left(page.log(), "bars")) <= 1
    page.watch_until(left.position)
    assert [one.split("\n")[0] for one in page.begun] == [
        "Twelve seconds of bars",
        "Counting to fifteen",
    ]


def test_an_hour_costs_at_least_85_percent_fewer_requests_than_every_30_seconds(
    open_player: Opening, server: PlayerServer
) -> None:
    page = open_player()
    player = Player(duration=3600, interval=0.265625).play_to_end().close()
    page.page.evaluate(AN_HOUR, [wire(event) for event in player])
    record = server.record("ann", "bars")
    assert record is not None
    assert (record.position, record.completed) == (3600, True)
    assert 7 <= server.reports("bars") <= 0.15 * 3600 / 30
