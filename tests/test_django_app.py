"""The Django app: views, settings, the admin, the command, and the example over real HTTP."""

import re
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connections
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from browser import EXAMPLES, Browser, served, surroundings
from django_host import MEDIAS, database
from milestone_progress import LARGEST_BODY, ProgressRecord, Recorder
from milestone_progress.django.recorder import recorder
from milestone_progress.django.settings import configuration
from milestone_progress.django.stores import DjangoStore
from milestone_progress.django.views import MediaView
from milestone_progress.hooks import Details
from milestone_progress.stores.memory import Memory, MemoryStore
from milestone_progress.testing._store_workers import at_once

REPORT = {
    "current_time_seconds": 754.2,
    "total_duration_seconds": 3600,
    "trigger_type": "pause",
    "milestone_reached": 10,
}
MEDIA = "/progress/media/intro"
EVERYTHING = [
    ("GET", MEDIA),
    ("POST", MEDIA),
    ("DELETE", MEDIA),
    ("POST", "/progress/complete/intro"),
    ("GET", "/progress/continue-watching"),
    ("DELETE", "/progress/me"),
]
CHANGING = [(method, path) for method, path in EVERYTHING if method != "GET"]
IS_MEDIA = {"IS_MEDIA": "django_host.is_media"}


@pytest.fixture(scope="module")
def _database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    name = tmp_path_factory.mktemp("django") / "host.db"
    careless = {"init_command": "PRAGMA synchronous = OFF"}
    with database("default", vendor="sqlite3", NAME=name, OPTIONS=careless):
        yield


@pytest.fixture(autouse=True)
def _empty(_database: None) -> None:
    call_command("flush", interactive=False, verbosity=0)


class Page:
    """A page of somebody who is signed in, or of nobody."""

    def __init__(self, name: str | None, **rights: bool) -> None:
        self.client = Client(enforce_csrf_checks=True)
        if name is not None:
            user = get_user_model().objects.create(username=name, **rights)
            self.client.force_login(user)
            self.viewer = str(user.pk)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Return the answer to a request with no other headers than these."""
        request = {} if body is None else {"data": body, "content_type": "application/json"}
        return self.client.generic(method, path, headers=headers, **request)

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Return the answer to a request with the token of the cookie that a GET has set."""
        if "csrftoken" not in self.client.cookies:
            self.ask("GET", MEDIA)
        return self.ask(method, path, body, **{"X-CSRFToken": self.token()})

    def token(self) -> str:
        cookie = self.client.cookies.get("csrftoken")
        return "" if cookie is None else cookie.value

    def report(self, path: str = MEDIA, **changed: object) -> Any:
        return self.send("POST", path, json_of({**REPORT, **changed}))


def json_of(data: object) -> bytes:
    return str(data).replace("'", '"').encode()


@pytest.fixture
def ann() -> Page:
    return Page("ann")


@pytest.fixture
def bob() -> Page:
    return Page("bob")


# What a page asks for


def test_what_is_reported_can_be_resumed_completed_and_forgotten(ann: Page) -> None:
    answer = ann.report()
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["newly_reached"]) == ("written", [10])
    where = ann.ask("GET", MEDIA)
    assert where.json()["record"] == {"percent": 20.95, "completed": False, "generation": 0}
    options = where.json()["resume"]["options"]
    assert options[0] == {"label": "Resume from 12:34", "position": 754.2}
    assert "no-store" in where.headers["Cache-Control"]
    [row] = ann.ask("GET", "/progress/continue-watching").json()["recent"]
    assert (row["media"], row["position"], row["percent"]) == ("intro", 754.2, 20.95)

    assert ann.send("POST", "/progress/complete/intro").json()["completed"] is True
    assert ann.ask("GET", "/progress/continue-watching").json() == {"recent": []}
    assert ann.send("DELETE", MEDIA).json() == {"generation": 1}
    assert ann.ask("GET", MEDIA).json()["record"]["generation"] == 1
    assert ann.send("DELETE", "/progress/me").json() == {"deleted": 1}
    assert ann.ask("GET", MEDIA).json()["record"] is None
    assert ann.send("DELETE", MEDIA).json() == {"generation": 0}


def test_a_page_is_told_where_to_resume_by_one_look_at_the_table(ann: Page) -> None:
    ann.report()
    with CaptureQueriesContext(connections["default"]) as queries:
        told = ann.ask("GET", MEDIA).json()
    assert told["resume"]["generation"] == told["record"]["generation"] == 0
    asked = [query["sql"] for query in queries if "milestone_progress" in query["sql"]]
    assert len(asked) == 1, asked


def test_a_viewer_is_the_primary_key_of_the_user(ann: Page) -> None:
    ann.report()
    assert DjangoStore().load(ann.viewer, "intro") is not None


@pytest.mark.parametrize("media", MEDIAS)
def test_a_media_may_be_called_as_the_host_likes(ann: Page, media: str) -> None:
    assert ann.report(f"/progress/media/{media}").status_code == 200
    assert ann.send("POST", f"/progress/complete/{media}").json()["completed"] is True
    assert ann.ask("GET", f"/progress/media/{media}").json()["resume"]["reason"] == "finished"


# What is refused


@pytest.mark.parametrize(("method", "path"), EVERYTHING)
def test_who_is_not_signed_in_is_told_so(method: str, path: str) -> None:
    nobody = Page(None)
    nobody.client.cookies["csrftoken"] = "a" * 32
    answer = nobody.send(method, path, json_of(REPORT) if method == "POST" else None)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Nobody is signed in."})


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize("middleware", [True, False])
def test_nothing_is_changed_without_the_token(
    ann: Page, method: str, path: str, middleware: bool
) -> None:
    ann.report()
    before = ann.ask("GET", MEDIA).json()
    body = json_of({**REPORT, "current_time_seconds": 1000}) if method == "POST" else None
    some = [one for one in settings.MIDDLEWARE if middleware or "csrf" not in one]
    with override_settings(MIDDLEWARE=some):
        ann.client.handler.load_middleware()
        for forged in ({}, {"X-CSRFToken": "b" * 32}):
            assert ann.ask(method, path, body, **forged).status_code == 403
    assert ann.ask("GET", MEDIA).json() == before


def test_nothing_that_is_sent_reaches_the_progress_of_another(ann: Page, bob: Page) -> None:
    ann.report()
    before = ann.ask("GET", MEDIA).json()
    claim: dict[str, object] = {"viewer": ann.viewer, "user": ann.viewer, "namespace": "x"}
    asked = f"?viewer={ann.viewer}&user={ann.viewer}"
    assert bob.ask("GET", MEDIA + asked).json()["record"] is None
    for method, path in CHANGING:
        assert bob.send(method, path + asked, json_of(REPORT | claim)).status_code == 200
    assert bob.ask("GET", f"/progress/continue-watching{asked}").json() == {"recent": []}
    assert ann.ask("GET", MEDIA).json() == before


@pytest.mark.parametrize("media", ["nothing", "INTRO", "intro%00", "%FF", "x" * 201, "intro/"])
def test_an_unknown_media_is_not_found(ann: Page, media: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        body = json_of(REPORT) if method == "POST" else None
        assert ann.send(method, f"/progress/media/{media}", body).status_code == 404
    assert ann.send("POST", f"/progress/complete/{media}").status_code == 404
    assert ann.ask("GET", "/progress/continue-watching").json() == {"recent": []}


def test_what_can_be_no_name_is_not_even_looked_up(ann: Page) -> None:
    with override_settings(MILESTONE_PROGRESS={"IS_MEDIA": "test_django_app.everything"}):
        assert ann.send("POST", "/progress/media/a%00b", json_of(REPORT)).status_code == 404
        assert ann.report("/progress/media/anything").status_code == 200


def everything(_request: object, media: str) -> bool:
    assert "\0" not in media
    return True


def send_raw(page: Page, length: int | str, body: object) -> Any:
    """Return the answer to a report that a server hands on as it comes in."""
    page.ask("GET", MEDIA)
    environ: dict[str, Any] = {"CONTENT_LENGTH": str(length), "wsgi.input": body}
    environ["HTTP_X_CSRFTOKEN"] = page.token()
    return page.client.generic("POST", MEDIA, b"", "application/json", **environ)


class Broken(BytesIO):
    """A body whose sender is gone."""

    def read(self, *_: object) -> bytes:
        raise OSError("nobody is there any more")


def test_a_body_that_is_too_long_is_refused_before_it_is_read(ann: Page) -> None:
    for too_long in (LARGEST_BODY + 1, "9" * 5_000):
        assert send_raw(ann, too_long, Broken()).status_code == 413
    assert send_raw(ann, LARGEST_BODY, BytesIO(b" " * LARGEST_BODY)).status_code == 422


def test_a_body_whose_length_nobody_has_told_is_read_no_further_than_a_report_can_be(
    ann: Page,
) -> None:
    body = BytesIO(b" " * 10 * LARGEST_BODY)
    request = ASGIRequest({"type": "http", "method": "POST", "path": MEDIA, "headers": []}, body)
    request.user = get_user_model().objects.get(pk=ann.viewer)
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # as Django's client does
    answer = MediaView.as_view()(request, media="intro")
    assert (answer.status_code, body.tell()) == (413, LARGEST_BODY + 1)


def test_a_body_that_ends_too_early_is_refused(ann: Page) -> None:
    assert send_raw(ann, 100, Broken()).status_code == 400


def test_all_that_is_wrong_with_a_report_is_told(ann: Page) -> None:
    answer = ann.send("POST", MEDIA, json_of({"current_time_seconds": "12"}))
    assert answer.status_code == 422
    paths = {problem["path"] for problem in answer.json()["problems"]}
    assert paths == {"$.current_time_seconds", "$.total_duration_seconds"}


# What happens when the store fails, and in whose transaction it works


def failing(_store: DjangoStore) -> Recorder:
    store = MemoryStore(Memory())
    store.close()
    return Recorder(store, backlog_limit=0)


def test_a_store_that_fails_is_to_be_asked_later(ann: Page) -> None:
    ann.ask("GET", MEDIA)
    with override_settings(MILESTONE_PROGRESS={**IS_MEDIA, "RECORDER": "test_django_app.failing"}):
        answer = ann.report()
        assert (answer.status_code, answer.json()["status"]) == (503, "refused")
        assert answer.headers["Retry-After"]
        for method, path in EVERYTHING:
            if (method, path) != ("POST", MEDIA):
                answer = ann.send(method, path)
                assert (answer.status_code, answer.json()) == (503, {"detail": "Try again later."})
                assert answer.headers["Retry-After"]


SAVED_IN: list[bool] = []


def watched(store: DjangoStore) -> Recorder:
    def hook(_: Details) -> None:
        SAVED_IN.append(connections["default"].in_atomic_block)

    return Recorder(store, hooks=[hook])


def test_a_report_is_no_part_of_the_transaction_of_its_request(ann: Page) -> None:
    connections["default"].settings_dict["ATOMIC_REQUESTS"] = True
    SAVED_IN.clear()
    try:
        with override_settings(
            MILESTONE_PROGRESS={**IS_MEDIA, "RECORDER": "test_django_app.watched"}
        ):
            assert ann.report().status_code == 200
    finally:
        connections["default"].settings_dict["ATOMIC_REQUESTS"] = False
    assert SAVED_IN == [False]


def laborious(store: DjangoStore) -> Recorder:
    sum(range(1_000_000))  # So long that other threads have their turn.
    return Recorder(store)


def test_all_threads_of_a_process_have_one_recorder() -> None:
    given = {**IS_MEDIA, "RECORDER": "test_django_app.laborious"}
    with override_settings(MILESTONE_PROGRESS=given):
        assert len(set(at_once(8, lambda _: recorder()))) == 1


# Settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "must name a function"),
        ([], "must be a dictionary"),
        ({"IS_MEDIA": "nowhere.is_media"}, "IS_MEDIA cannot be imported"),
        ({"IS_MEDIA": "django_host.nothing"}, "IS_MEDIA cannot be imported"),
        ({"IS_MEDIA": "no_module"}, "IS_MEDIA cannot be imported"),
        ({"IS_MEDIA": "django_host.MEDIAS"}, "IS_MEDIA is no function"),
        ({**IS_MEDIA, "RECORDER": "django_host.nothing"}, "RECORDER cannot be imported"),
        ({**IS_MEDIA, "NAMESPACE": ""}, "NAMESPACE must be"),
        ({**IS_MEDIA, "USING": "nothing"}, "USING is none of DATABASES"),
        ({**IS_MEDIA, "IS_MEDIUM": "x"}, "knows no IS_MEDIUM"),
    ],
)
def test_a_setting_that_cannot_be_does_not_start(given: object, told: str) -> None:
    with override_settings(MILESTONE_PROGRESS=given):
        with pytest.raises(SystemCheckError, match=rf"\(milestone_progress.E001\).*{told}"):
            call_command("check")
        with pytest.raises(ImproperlyConfigured, match=told):
            configuration()


def test_settings_that_can_be_pass_the_check() -> None:
    for given in (IS_MEDIA, {**IS_MEDIA, "NAMESPACE": "site", "USING": "default"}):
        with override_settings(MILESTONE_PROGRESS=given):
            call_command("check", verbosity=0, stdout=StringIO())


def test_each_namespace_is_a_site_of_its_own(ann: Page) -> None:
    ann.report()
    with override_settings(MILESTONE_PROGRESS={**IS_MEDIA, "NAMESPACE": "other"}):
        assert ann.ask("GET", MEDIA).json()["record"] is None
        assert ann.report().json()["newly_reached"] == [10]


# The command and the admin


def a_record(**fields: Any) -> ProgressRecord:
    values: dict[str, Any] = {"viewer": "ann", "media": "intro", "position": 1.0, "updated_at": 5.0}
    return ProgressRecord(**(values | fields))


def test_what_is_old_is_purged_by_a_command_that_tells_how_much() -> None:
    store = DjangoStore()
    store.save_many([a_record(media=f"{number}") for number in range(3)])
    kept = store.save(a_record(media="of the year 33658", updated_at=1e12))
    other = DjangoStore("other").save(a_record())
    told = StringIO()
    call_command("purge_progress", "--before", "365", stdout=told)
    assert told.getvalue() == "3 records purged\n"
    assert store.export_viewer("ann") == [kept]
    assert DjangoStore("other").export_viewer("ann") == [other]


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "many", ""])
def test_what_is_no_number_of_days_purges_nothing(days: str) -> None:
    saved = DjangoStore().save(a_record())
    with pytest.raises(CommandError):
        call_command("purge_progress", f"--before={days}", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("purge_progress", stdout=StringIO())
    assert DjangoStore().export_viewer("ann") == [saved]


LIST = "/admin/milestone_progress/progress/"


def test_the_admin_lists_and_finds_progress_by_a_constant_number_of_queries() -> None:
    admin = Page("root", is_staff=True, is_superuser=True)
    store = DjangoStore()
    counts = []
    for viewers in (1, 60):
        names = [f"viewer {number}" for number in range(viewers)]
        records = [a_record(viewer=name, updated_at=1e12) for name in names]
        store.save_many(records)
        with CaptureQueriesContext(connections["default"]) as said:
            answer = admin.ask("GET", LIST)
        assert answer.status_code == 200
        counts.append(len(said))
    assert counts[0] == counts[1]
    found = admin.ask("GET", f"{LIST}?q=viewer+59").content.decode()
    assert "viewer 59" in found
    assert "viewer 58" not in found
    store.save(a_record(viewer="zoe", updated_at=1_700_000_000))
    assert "2023-11-14 22:13:20" in admin.ask("GET", f"{LIST}?q=zoe").content.decode()


def test_the_admin_edits_nothing() -> None:
    admin = Page("root", is_staff=True, is_superuser=True)
    saved = DjangoStore().save(a_record())
    listed = admin.ask("GET", LIST).content.decode()
    found = re.search(rf"{LIST}(\d+)/change/", listed)
    assert found is not None
    one = admin.ask("GET", found[0])
    assert one.status_code == 200
    assert '<input type="text"' not in one.content.decode()
    assert admin.ask("GET", f"{LIST}add/").status_code == 403
    token = {"X-CSRFToken": admin.token()}
    assert admin.ask("POST", found[0], b"{}", **token).status_code == 403
    assert DjangoStore().export_viewer("ann") == [saved]


# The example


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    environment = {
        "PROGRESS_FOLDER": str(tmp_path_factory.mktemp("django")),
        "SECRET_KEY": "of no use to anybody",
        "DJANGO_SUPERUSER_PASSWORD": "secret",
    }
    new = ("createsuperuser", "--noinput", "--email=", "--username")
    for command in (["migrate"], [*new, "alice"], [*new, "bob"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=EXAMPLES / "django_project",
            env=surroundings(**environment),
            stdout=subprocess.DEVNULL,
            check=True,
        )
    server = ("manage.py", "runserver", "--noreload", "127.0.0.1:0")
    with served("django_project", *server, **environment) as address:
        yield address


def signed_in(address: str, name: str) -> Browser:
    browser = Browser(address)
    status, page = browser.ask("GET", "/admin/login/")
    assert status == 200
    form = f"username={name}&password=secret&csrfmiddlewaretoken={browser.cookie('csrftoken')}"
    status, page = browser.ask("POST", "/admin/login/?next=/admin/", form.encode())
    assert (status, "Log out" in page) == (200, True)
    return browser


def test_the_example_keeps_progress_of_whoever_is_signed_in(address: str) -> None:
    path = "/progress/media/sintel"
    alice, bob = signed_in(address, "alice"), signed_in(address, "bob")
    token = {"X_CSRFToken": alice.cookie("csrftoken"), "Content_Type": "application/json"}
    assert Browser(address).ask("GET", path)[0] == 401
    assert alice.ask("POST", path, REPORT, Content_Type="application/json")[0] == 403
    status, told = alice.ask("POST", path, REPORT, **token)
    assert (status, told["status"], told["newly_reached"]) == (200, "written", [10])
    assert alice.ask("GET", path)[1]["resume"]["options"][0]["label"] == "Resume from 12:34"
    assert bob.ask("GET", path)[1]["record"] is None
    assert alice.ask("POST", "/progress/media/nothing", REPORT, **token)[0] == 404
    assert alice.announce(path, LARGEST_BODY + 1, **token) == 413
    assert alice.ask("DELETE", "/progress/me", None, **token) == (200, {"deleted": 1})
