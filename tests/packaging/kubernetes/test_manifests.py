"""deploy/kubernetes: every overlay renders by kustomize itself, is valid, and says what docker-compose.yaml says."""

import json
import re
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.metrics.table import DETECTORS_WANTED
from contracts.settings.fields import ROLES
from contracts.settings.table import table
from tests.support.deployments.compose import COMPOSE, dockerfile
from tests.support.deployments.manifests import (
    FOLDER,
    NAMESPACE,
    by_name,
    container,
    objects,
    pod,
    rendered,
    tool,
    with_overlay,
)
from tests.support.deployments.service import ROOT
from tests.support.scraping import tool as debian_tool

# Every overlay, and every component in one of them.
VARIANTS = [("cpu",), ("gpu", "hpa", "object-storage"), ("gpu", "keda", "traces"), ("minikube",)]
variants = pytest.mark.parametrize("variant", VARIANTS, ids="-".join)
ROWS = {row.variable: row for row in table()}
# The others have passwords in them.
SECRET = {"DATABASE_URL", "BROKER_URL", "RESULT_STORE_URL", "REDIS_URL", "S3_ACCESS_KEY_ID"} | {
    row.variable for row in table() if row.secret
}
SERVERS = {"rabbitmq", "redis", "postgres"}
WORKLOADS = ("Deployment", "StatefulSet", "Job")
KEDA = "keda.sh/v1alpha1"


def ours(variant: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    return by_name(rendered(*variant), "Deployment", "Job")


def environment(found: dict[str, Any]) -> dict[str, Any]:
    return {one["name"]: one for one in found.get("env", [])}


def secrets_of(found: dict[str, Any]) -> set[str]:
    """Settings that a container takes from the Secret, each by its own key."""
    references = {
        name: one["valueFrom"]["secretKeyRef"]
        for name, one in environment(found).items()
        if "secretKeyRef" in one.get("valueFrom", {})
    }
    assert all((ref["name"], ref["key"]) == ("secrets", name) for name, ref in references.items())
    return set(references)


def test_every_folder_is_in_a_variant() -> None:
    there = {path.parent.name for path in FOLDER.glob("*/*/kustomization.yaml")}
    # Used by others.
    assert there - {"shared", "servers"} == {name for variant in VARIANTS for name in variant}


@variants
def test_what_is_rendered_is_valid(variant: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "all.yaml"
    file.write_text(rendered(*variant))
    command = [tool("kubernetes-validate"), "--strict", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines() + done.stderr.splitlines()
    unknown = {line for line in lines if not line.startswith("INFO")}
    assert all(KEDA in line for line in unknown)
    kinds = [one for one in objects(rendered(*variant)) if one["apiVersion"] != KEDA]
    assert sum("passed for resource" in line for line in lines) == len(kinds) > 10


def test_a_field_that_does_not_exist_is_found(tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {port: 1}}")
    done = subprocess.run([tool("kubernetes-validate"), "--strict", str(file)], capture_output=True, timeout=60)
    assert done.returncode != 0


def keda_problems(found: list[dict[str, Any]]) -> str:
    command = [tool("python"), str(ROOT / "tests/support/deployments/keda_check.py")]
    return subprocess.run(
        command, input=json.dumps(found), capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_kedas_objects_have_fields_that_keda_knows() -> None:
    found = [one for one in objects(rendered("gpu", "keda")) if one["apiVersion"] == KEDA]
    assert len(found) == 3
    wrong = json.loads(json.dumps(found[0]))
    wrong["metadata"]["name"] = "wrong"
    wrong["spec"]["minReplicas"] = 1
    assert keda_problems([*found, wrong]).splitlines() == ["ScaledObject/wrong.spec.minReplicas is no field of KEDA's"]


@variants
def test_everything_is_in_one_namespace(variant: tuple[str, ...]) -> None:
    for one in objects(rendered(*variant)):
        if one["kind"] != "Namespace":
            assert one["metadata"]["namespace"] == NAMESPACE, one["metadata"]["name"]


@variants
def test_roles_are_those_of_the_compose_file(variant: tuple[str, ...]) -> None:
    composed = {name for name in COMPOSE.services if COMPOSE.own_image(name)}
    assert set(ours(variant)) == composed - ({"detector-gpu"} if variant[0] != "gpu" else set())
    servers = by_name(rendered(*variant), "StatefulSet")
    assert set(servers) == (SERVERS if variant == ("minikube",) else set())


@variants
def test_images_and_commands_are_those_of_the_compose_file(variant: tuple[str, ...]) -> None:
    for name, found in by_name(rendered(*variant), *WORKLOADS).items():
        main = container(found)
        assert main["image"] == COMPOSE.services[name]["image"], name
        assert main.get("command") == COMPOSE.services[name].get("command"), name
        assert "args" not in main
        for first in pod(found).get("initContainers", []):
            assert first["image"] == main["image"]


@variants
def test_settings_exist_and_are_read_by_who_gets_them(variant: tuple[str, ...]) -> None:
    (settings,) = objects(rendered(*variant), "ConfigMap")
    assert set(settings["data"]) <= set(ROWS)
    assert not set(settings["data"]) & SECRET
    for name, found in ours(variant).items():
        main = container(found)
        assert main["envFrom"] == [{"configMapRef": {"name": settings["metadata"]["name"]}}]
        role = COMPOSE.role(name)
        for variable in environment(main):
            assert role in ROWS[variable].roles, (name, variable)
        if name != "migrate":
            required = {row.variable for row in table() if row.required and role in row.roles}
            assert required <= secrets_of(main), name


@variants
def test_secrets_come_from_the_secret_and_go_to_who_reads_them(variant: tuple[str, ...]) -> None:
    assert not objects(rendered(*variant), "Secret")
    for name, found in ours(variant).items():
        taken = secrets_of(container(found))
        assert taken == set(environment(container(found))) & SECRET, name
        assert taken >= {"BROKER_URL"} or taken == {"DATABASE_URL"}
    assert secrets_of(container(ours(variant)["api"])) >= {"JWT_SECRET_KEY", "STREAM_SECRET_KEY"}
    assert not secrets_of(container(ours(variant)["detector"])) & {
        "DATABASE_URL",
        "JWT_SECRET_KEY",
        "STREAM_SECRET_KEY",
    }


@variants
def test_containers_may_do_nothing_that_they_need_not(variant: tuple[str, ...]) -> None:
    for name, found in by_name(rendered(*variant), *WORKLOADS).items():
        spec = pod(found)
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        context = spec["securityContext"]
        assert context["runAsNonRoot"] is True
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        if name not in SERVERS:
            (user,) = {dict(dockerfile(role)["ARG"])["USER_ID"] for role in ROLES}
            assert {context["runAsUser"], context["runAsGroup"], context["fsGroup"]} == {int(user)}
        assert not set(spec) & {"hostNetwork", "hostPID", "hostIPC"}
        for one in [*spec["containers"], *spec.get("initContainers", [])]:
            own = one["securityContext"]
            assert own["allowPrivilegeEscalation"] is False
            assert own["capabilities"] == {"drop": ["ALL"]}
            assert own.get("readOnlyRootFilesystem") is (True if name not in SERVERS else None)
            assert all("hostPort" not in port for port in one.get("ports", []))
            assert {"cpu", "memory"} <= set(one["resources"]["requests"])
            assert "memory" in one["resources"]["limits"]


@variants
def test_detectors_cannot_change_the_videos(variant: tuple[str, ...]) -> None:
    for name, found in ours(variant).items():
        mounts = {one["mountPath"]: one for one in container(found)["volumeMounts"]}
        volumes = COMPOSE.services[name]["volumes"]
        assert set(mounts) == {"/tmp", *(["/data"] if volumes else [])}  # noqa: S108
        if volumes:
            assert mounts["/data"].get("readOnly", False) == volumes[0].endswith(":ro")
            (storage,) = [one for one in pod(found)["volumes"] if one["name"] == "storage"]
            assert ("emptyDir" in storage) == ("object-storage" in variant)
    claims = by_name(rendered(*variant), "PersistentVolumeClaim")
    assert set(claims) == (set() if "object-storage" in variant else {"storage"})


@variants
def test_probes_ask_what_the_compose_file_asks(variant: tuple[str, ...]) -> None:
    for name, found in by_name(rendered(*variant), "Deployment", "StatefulSet").items():
        main = container(found)
        kind, *wanted = COMPOSE.services[name]["healthcheck"]["test"]
        wanted = ["sh", "-c", *wanted] if kind == "CMD-SHELL" else wanted
        probes = [main[key] for key in ("startupProbe", "readinessProbe", "livenessProbe") if key in main]
        assert probes
        for probe in probes:
            if name == "api":
                path = probe["httpGet"]["path"]
                assert f"127.0.0.1:8080{path}'" in wanted[-1]
                assert probe["httpGet"]["port"] in {port["name"] for port in main["ports"]}
            else:
                assert probe["exec"]["command"] == wanted, name
        if name not in SERVERS:
            assert len(probes) == 3
            # A pod that starts, or has lost its servers, is left alone for at least ten minutes, the api for a minute.
            patience = [probe["periodSeconds"] * probe["failureThreshold"] for probe in (probes[0], probes[2])]
            assert min(patience) >= (60 if name == "api" else 600), name


def test_the_heartbeat_of_the_probes_exists_and_is_in_the_images_of_the_workers() -> None:
    module = container(ours(("cpu",))["detector"])["livenessProbe"]["exec"]["command"][2]
    assert (ROOT / (module.replace(".", "/") + ".py")).is_file()
    for role in ("processor", "detector", "ingest"):
        assert dict(dockerfile(role)["ENV"])["HEARTBEAT_FILE"].startswith("/tmp/")  # noqa: S108


def test_the_api_waits_for_its_tables_or_later_ones(tmp_path: Path) -> None:
    api, migrate = (pod(ours(("cpu",))[name]) for name in ("api", "migrate"))
    (first,) = api["initContainers"]
    url = f"sqlite:///{tmp_path}/tables.sqlite"
    python = str(ROOT / ".venv/bin/python")

    def rc(command: list[str]) -> int:
        words = [python, *command[1:]]
        return subprocess.run(words, cwd=ROOT, env={"DATABASE_URL": url}, capture_output=True, timeout=60).returncode

    assert rc(first["command"]) != 0
    assert rc(migrate["containers"][0]["command"]) == 0
    assert rc(first["command"]) == 0
    for revision, is_enough in (("9999", True), ("0017", False)):
        with sqlite3.connect(tmp_path / "tables.sqlite") as tables:
            tables.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        tables.close()
        assert (rc(first["command"]) == 0) is is_enough, revision


@variants
def test_pods_have_as_long_to_stop_as_the_compose_file_gives_them(variant: tuple[str, ...]) -> None:
    for name, found in by_name(rendered(*variant), "Deployment", "StatefulSet").items():
        grace = int(COMPOSE.services[name]["stop_grace_period"].removesuffix("s"))
        assert pod(found)["terminationGracePeriodSeconds"] >= grace


@variants
def test_every_role_has_a_disruption_budget_that_lets_a_node_be_drained(variant: tuple[str, ...]) -> None:
    budgets = by_name(rendered(*variant), "PodDisruptionBudget")
    deployments = by_name(rendered(*variant), "Deployment")
    assert set(budgets) == set(deployments)
    for name, found in budgets.items():
        assert found["spec"]["selector"] == deployments[name]["spec"]["selector"]
        assert re.fullmatch(r"[1-9]\d*%?", str(found["spec"]["maxUnavailable"]))


@variants
def test_what_is_upgraded_together_has_a_label(variant: tuple[str, ...]) -> None:
    """By which the docs choose it: first what has none, with the migrations, then the workers, then the api."""
    page = (ROOT / "docs/operate/kubernetes.md").read_text()
    [label] = set(re.findall(r"--selector '?!?(app\.kubernetes\.io/component)", page))
    of = {
        (one["kind"], one["metadata"]["name"]): one["metadata"].get("labels", {}).get(label)
        for one in objects(rendered(*variant))
    }
    deployments = {name for kind, name in of if kind == "Deployment"}
    labelled = {name: value for (kind, name), value in of.items() if value is not None and kind == "Deployment"}
    assert labelled == dict.fromkeys(deployments - {"api"}, "worker") | {"api": "api"}
    assert all(value is None for (kind, _), value in of.items() if kind != "Deployment")
    assert ("Job", "migrate") in of


def test_prometheus_finds_the_port_that_the_roles_answer_at(tmp_path: Path) -> None:
    page = (ROOT / "docs/operate/kubernetes.md").read_text()
    [block] = re.findall(r"```yaml\n(scrape_configs:.+?)```", page, re.S)
    [job] = yaml.safe_load(block)["scrape_configs"]
    [pods] = job.pop("kubernetes_sd_configs")  # Debian's Prometheus was built without it
    assert pods == {"role": "pod", "namespaces": {"names": [NAMESPACE]}}
    file = tmp_path / "prometheus.yaml"
    file.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    done = subprocess.run([debian_tool("promtool"), "check", "config", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rules = (ROOT / "deploy/monitoring/rules.yaml").read_text()
    assert {job["job_name"]} == set(re.findall(r'up{job="([^"]+)"}', rules))
    [kept] = [rule["regex"] for rule in job["relabel_configs"] if rule.get("action") == "keep"]
    (settings,) = objects(rendered("cpu"), "ConfigMap")
    for name, found in by_name(rendered("gpu", "hpa", "object-storage"), "Deployment").items():
        ports = {port["name"]: port["containerPort"] for port in container(found)["ports"]}
        assert str(ports[kept]) == settings["data"]["METRICS_PORT"], name
        assert str(ports.get("http", 8080)) == settings["data"]["PORT"]


def test_the_database_has_the_shared_memory_of_the_compose_file() -> None:
    found = by_name(rendered("minikube"), "StatefulSet")["postgres"]
    [memory] = [one["emptyDir"] for one in pod(found)["volumes"] if one["name"] == "shared-memory"]
    assert memory == {"medium": "Memory", "sizeLimit": "256Mi"}
    assert COMPOSE.services["postgres"]["shm_size"] == "256mb"
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container(found)["volumeMounts"]  # noqa: S108


@variants
def test_selectors_and_ports_meet(variant: tuple[str, ...]) -> None:
    templates = {
        name: found["spec"]["template"]["metadata"]["labels"]
        for name, found in by_name(rendered(*variant), *WORKLOADS).items()
    }
    ports = {
        port["name"]
        for found in by_name(rendered(*variant), *WORKLOADS).values()
        for port in container(found).get("ports", [])
    }
    for name, found in by_name(rendered(*variant), "Service").items():
        selected = [one for one, labels in templates.items() if found["spec"]["selector"].items() <= labels.items()]
        assert selected == [name]
        assert {port["targetPort"] for port in found["spec"]["ports"]} <= ports
    names = {labels["app.kubernetes.io/name"] for labels in templates.values()} | SERVERS | {"detector-gpu"}
    for found in objects(rendered(*variant), "NetworkPolicy"):
        text = json.dumps(found["spec"])
        for values in re.findall(r'"values": \[([^\]]+)\]', text):
            assert set(json.loads(f"[{values}]")) <= names
        for rule in found["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"] if isinstance(port["port"], str)} <= ports


@variants
def test_nothing_is_let_in_unless_a_policy_says_so(variant: tuple[str, ...]) -> None:
    policies = by_name(rendered(*variant), "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    open_to_all = {
        name for name, one in policies.items() for rule in one["spec"].get("ingress", []) if not rule.get("from")
    }
    assert open_to_all == {"api", "media"}
    anywhere = {
        name for name, one in policies.items() for rule in one["spec"].get("egress", []) if not rule.get("ports")
    }
    assert anywhere == {"outside"}
    (selected,) = policies["outside"]["spec"]["podSelector"]["matchExpressions"]
    assert selected["values"] == ["api", "ingest"]


@variants
def test_detectors_reach_the_ports_of_the_servers_alone(variant: tuple[str, ...]) -> None:
    reached: dict[int, list[str]] = {}
    for name, found in by_name(rendered(*variant), "NetworkPolicy").items():
        selected = json.dumps(found["spec"]["podSelector"])
        for rule in found["spec"].get("egress", []) if '"detector"' in selected else []:
            for port in rule["ports"]:
                reached.setdefault(port["port"], []).append(name)
    more = {"object-storage": {443, 9000}, "traces": {4318}}
    added = {port: name for name, ports in more.items() if name in variant for port in ports}
    assert set(reached) == {53, 5671, 5672, 6379, 6380, 5432} | set(added)
    assert all(reached[port] == [name] for port, name in added.items())


def test_doctor_reaches_the_api_from_the_pod_that_the_docs_name() -> None:
    page = (ROOT / "docs/operate/kubernetes.md").read_text()
    [(role, host, port)] = re.findall(r"exec deploy/(\w+) -- .* doctor --url http://([\w.-]+):(\d+)", page)
    text = rendered("cpu")
    assert {"name": "http", "port": int(port), "targetPort": "http"} in by_name(text, "Service")[host]["spec"]["ports"]
    [settings] = objects(text, "ConfigMap")
    assert host in settings["data"]["ALLOWED_HOSTS"].split(",")
    policy = by_name(text, "NetworkPolicy")["doctor"]["spec"]
    [rule] = policy["egress"]
    [to] = rule["to"]
    deployments = by_name(text, "Deployment")
    assert policy["podSelector"] == deployments[role]["spec"]["selector"]
    assert to["podSelector"] == deployments[host]["spec"]["selector"]
    [listening] = [one["containerPort"] for one in container(deployments[host])["ports"] if one["name"] == "http"]
    assert rule["ports"] == [{"protocol": "TCP", "port": listening}]


def test_every_role_reaches_a_collector_of_traces() -> None:
    policy = by_name(rendered("gpu", "keda", "traces"), "NetworkPolicy")["traces"]["spec"]
    [chosen] = policy["podSelector"]["matchExpressions"]
    told = {name for name in COMPOSE.services if "TRACES_URL" in COMPOSE.services[name].get("environment", {})}
    assert set(chosen["values"]) == told
    [example] = re.findall(r"as in (http://\S+);", ROWS["TRACES_URL"].help)
    assert example.endswith(f":{policy['egress'][0]['ports'][0]['port']}")


@pytest.mark.parametrize("component", ["hpa", "keda"])
def test_autoscalers_ask_for_what_the_service_says(component: str) -> None:
    text = rendered(*next(variant for variant in VARIANTS if component in variant))
    deployments = by_name(text, "Deployment")
    scalers = by_name(text, "HorizontalPodAutoscaler", "ScaledObject")
    assert set(scalers) == {"detector", "live-detector"}
    target = int(next(iter(objects(text, "ConfigMap")))["data"]["SCALE_TARGET_SECONDS"])
    for name, found in scalers.items():
        spec = found["spec"]
        assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        # Applying the manifests again does not set the number back.
        assert "replicas" not in deployments[name]["spec"]
        role = name.replace("-", "_")
        if component == "hpa":
            external = spec["metrics"][0]["external"]
            assert external["metric"] == {"name": DETECTORS_WANTED.name, "selector": {"matchLabels": {"role": role}}}
            assert role in DETECTORS_WANTED.values
            assert external["target"] == {"type": "AverageValue", "averageValue": "1"}
            behavior = spec["behavior"]
        else:
            (trigger,) = spec["triggers"]
            assert (trigger["type"], trigger["metricType"]) == ("metrics-api", "AverageValue")
            metadata = trigger["metadata"]
            assert metadata["targetValue"] == "1"
            assert metadata["valueLocation"] == f"by_role.{role}.detectors_wanted"
            host, path = re.fullmatch(r"http://([\w.-]+):8080(/.+)", metadata["url"]).groups()  # type: ignore[union-attr]
            assert host in next(iter(objects(text, "ConfigMap")))["data"]["ALLOWED_HOSTS"].split(",")
            assert f"\n  {path}:\n" in (ROOT / "api/openapi.yaml").read_text()
            behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
            assert by_name(text, "TriggerAuthentication").keys() == {trigger["authenticationRef"]["name"]}
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= target


def test_the_overlay_of_the_docs_renders_and_names_every_image() -> None:
    page = (ROOT / "docs/operate/kubernetes.md").read_text()
    (content,) = re.findall(r"```yaml\n(apiVersion: kustomize.+?)```", page, re.S)
    text = with_overlay(yaml.safe_load(content))
    (settings,) = objects(text, "ConfigMap")
    assert settings["data"]["STORAGE_URL"].startswith("s3://")
    assert set(settings["data"]) <= set(ROWS)
    for found in by_name(text, "Deployment", "Job").values():
        images = [one["image"] for one in [*pod(found)["containers"], *pod(found).get("initContainers", [])]]
        assert all(image.startswith("registry.example.org/web-detector-") for image in images)


def test_the_secrets_of_the_docs_are_all_that_minikube_needs() -> None:
    page = (ROOT / "docs/operate/kubernetes.md").read_text()
    text = rendered("minikube")
    needed: dict[str, set[str]] = {}
    for found in by_name(text, *WORKLOADS).values():
        for one in container(found).get("env", []):
            reference = one.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                needed.setdefault(reference["name"], set()).add(reference["key"])
    made = {
        name: set(re.findall(r"--from-literal=(\w+)=", literals))
        for name, literals in re.findall(r"create secret generic (\w+)((?:.*\\\n)*.*)", page)
    }
    assert {name: made[name] for name in needed} == needed
