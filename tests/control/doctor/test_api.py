"""The diagnosis by the API."""

from typing import Any

from tests.control.harness import READ_TOKEN, Api

STEPS = [
    "enabled",
    "address",
    "services",
    "ports",
    "detect",
    "detect_tls",
    "mqtt_tls",
    "mqtt_login",
    "mqtt_report",
    "redirect",
    "ftps_tls",
    "ftps_login",
    "passive",
    "verify_job",
    "upload",
    "ssdp",
    "authority",
    "disk",
    "clock",
    "nats",
]


async def made(api: Api, **more: Any) -> str:
    body = {"name": "Desk", "model": "BL-P001", "bind": {"address": "192.0.2.10"}} | more
    return str((await api.post("virtual-printers", body))["id"])


async def test_every_step_is_answered_in_order_and_what_failed_first_explains_the_rest(api: Api) -> None:
    id_ = await made(api)
    found = await Api(api.client, READ_TOKEN).get(f"virtual-printers/{id_}/diagnosis")
    assert [step["step"] for step in found["steps"]] == STEPS
    assert found["verdict"] == "failed"
    steps = {step["step"]: step for step in found["steps"]}
    assert steps["enabled"]["verdict"] == "ok"
    assert (steps["address"]["verdict"], steps["address"]["fault"]) == ("failed", "address_gone")
    assert "192.0.2.10" in steps["address"]["detail"]
    assert set(steps["address"]["remedy"]) == {"native", "docker", "nas"}
    assert steps["mqtt_login"]["verdict"] == "skipped"
    assert steps["mqtt_login"]["remedy"] is None
    assert "Its address is on this system" in steps["mqtt_login"]["detail"]
    assert steps["nats"]["fault"] == "nats_down"


async def test_a_printer_that_was_never_enabled_is_told_so(api: Api) -> None:
    id_ = await made(api, enabled=False)
    found = await api.get(f"virtual-printers/{id_}/diagnosis")
    assert [(step["step"], step["fault"]) for step in found["steps"]] == [("enabled", "disabled")]
    assert f"/{id_}/enable" in found["steps"][0]["remedy"]["native"]


async def test_a_printer_that_does_not_exist_has_no_diagnosis(api: Api) -> None:
    answer = await api("GET", "virtual-printers/nobody/diagnosis")
    assert (answer.status, answer.code) == (404, "not_found")
