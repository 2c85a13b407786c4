"""`web-detector alerts` and the alerts of the Python client, against a real service."""

import json
from pathlib import Path

import pytest

import web_detector
from cli.client.alert_command import alerts
from tests.service.results.test_scene_command import environ_of
from tests.support.alerting import add_alert, fail_rule
from tests.support.deployments.service import Client, Service

RULE = {"name": "people", "search": {"label": ["person"]}, "schedule": {"from": "22:00", "to": "06:00"}}


def test_rules_are_added_shown_replaced_and_deleted_and_their_alerts_listed(
    service: Service, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ, file = environ_of(service, client), tmp_path / "rule.json"
    file.write_text(json.dumps(RULE))
    assert alerts(["add", str(file)], environ) == 0
    (rule,) = client.call("GET", "/alert-rules", 200)["items"]
    assert alerts(["rules"], environ) == 0
    assert "22:00-06:00" in (said := capsys.readouterr().out)
    assert "ask your operator" not in said
    fail_rule(service, rule["id"], "error")
    assert alerts(["rules"], environ) == 0
    assert "ask your operator" in capsys.readouterr().out
    assert alerts(["show", "people"], environ) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["search"] == RULE["search"]
    file.write_text(json.dumps({**shown, "enabled": False}))
    assert alerts(["replace", rule["id"], str(file)], environ) == 0
    assert client.call("GET", f"/alert-rules/{rule['id']}", 200) == {**rule, "enabled": False}
    add_alert(service, rule["id"], 1_000, event="enters", zone="door")
    add_alert(service, rule["id"], 2_000, label="cat")
    assert alerts(["list", "--rule", "people", "--count", "1", "--mark"], environ) == 0
    assert "cat" in (said := capsys.readouterr().out)
    assert "enters" not in said
    assert alerts(["list", "--unseen"], environ) == 0
    assert "cat" not in (said := capsys.readouterr().out)
    assert "enters" in said
    assert alerts(["delete", "people"], environ) == 0
    assert alerts(["list"], environ) == 0
    assert "no alerts" in capsys.readouterr().out
    file.write_text("[1")
    assert alerts(["add", str(file)], environ) == 1
    assert "no JSON document of a rule" in capsys.readouterr().err
    assert alerts(["delete", "nothing"], environ) == 1
    assert "there is no rule 'nothing'" in capsys.readouterr().err


def test_the_python_client_has_rules_and_alerts_as_objects(service: Service, client: Client) -> None:
    with web_detector.Client(service.url, username=client.username, password=client.password) as reader:
        rule = reader.add_alert_rule("people", {"label": ["person"]}, schedule={"from": "22:00", "to": "06:00"})
        assert [(one.id, one.at_most_one_in_s) for one in reader.alert_rules()] == [(rule.id, 60)]
        fail_rule(service, rule.id, "error")
        (failing,) = reader.alert_rules()
        assert failing.failed_at
        assert failing.error
        assert failing.error.code == "error"
        assert reader.replace_alert_rule(failing) == rule
        for at_ms in (1_000, 2_000):
            add_alert(service, rule.id, at_ms)
        newest, oldest = reader.alerts(rule_id=rule.id)
        assert (newest.at_ms, oldest.rule_name, oldest.seen) == (2_000, "people", False)
        assert reader.mark_alert(newest).seen
        assert [one.id for one in reader.alerts(seen=False)] == [oldest.id]
        reader.delete_alert_rule(rule)
        assert list(reader.alerts()) == []
