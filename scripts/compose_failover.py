#!/usr/bin/env python3
"""The fail-over of compose-test.sh: one owner's container is killed, another is stopped; every instance continues.

    compose_failover.py URL TOKEN_FILE CONTAINERS

CONTAINERS is a file of lines "NODE CONTAINER". The environment names the Docker client (DOCKER). Exits with 1 and
one sentence where the cluster does something else.
"""
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

# A killed master's instances have a live owner within this time (docs/cluster.md), in seconds.
MOVED_WITHIN = 10

DOCUMENT = {
    "version": 1,
    "name": "failover",
    "tasks": {
        # Long enough to outlive its master and the take-over.
        "long": {"type": "shell", "run": "echo begun; sleep 25; echo ended"},
        "next": {"type": "shell", "needs": ["long"], "run": "echo after $PORPOISE_ATTEMPT"},
    },
}


class Unexpected(Exception):
    """The cluster did not behave as expected."""


def expect(condition, sentence):
    if not condition:
        raise Unexpected(sentence)


def eventually(poll, seconds, sentence):
    """Returns what `poll` returns as soon as it is true; fails with the sentence after `seconds`."""
    deadline = time.monotonic() + seconds
    last = None
    while time.monotonic() < deadline:
        last = poll()
        if last:
            return last
        time.sleep(0.2)
    raise Unexpected(f"not within {seconds} s: {sentence}")


class Api:
    """The REST interface behind the one published port."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def call(self, method, path, body=None, wait=15):
        """Returns status and body; status 0 when the port does not answer."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        # The environment may name a proxy; this port is local.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, data, timeout=wait) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read().decode()
        except OSError:
            return 0, None
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def ok(self, method, path, body=None, status=(200, 201)):
        """Returns the answer of a call that has to succeed."""
        got, answer = self.call(method, "/api/v1" + path, body)
        expect(got in status, f"{method} {path} answers {status}, not {got}: {answer}")
        return answer

    def instance(self, id):
        return self.ok("GET", f"/instances/{id}")

    def tasks(self, id):
        return {task["name"]: task for task in self.ok("GET", f"/instances/{id}/tasks")["items"]}

    def members(self, role):
        return [n for n in self.ok("GET", "/nodes")["items"] if role in n["roles"] and n["state"] == "active"]


def docker(*arguments):
    """Runs the client; returns what it prints."""
    done = subprocess.run([os.environ["DOCKER"], *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def say(sentence):
    print(f"    {sentence}", flush=True)


def wait_for_members(api, seconds):
    """Waits until the API is ready and every node of the file is an active member."""
    eventually(lambda: api.call("GET", "/readyz")[0] == 200, seconds, "the API is ready")
    complete = lambda: len(api.members("master")) == 3 and len(api.members("worker")) == 2
    eventually(complete, 60, "three masters and two workers are active")
    say("three masters and two workers are active")


def start_instances(api, count):
    """Starts instances and waits until the first task of each runs; returns them by id."""
    api.ok("PUT", "/projects/default/workflows/failover", DOCUMENT)
    ids = [api.ok("POST", "/projects/default/workflows/failover/instances", {})["id"] for _ in range(count)]
    running = lambda: all(api.tasks(id)["long"]["state"] == "running" for id in ids)
    eventually(running, 30, "the first task of every instance runs")
    return {id: api.instance(id) for id in ids}


def kill_owner(api, before, containers):
    """Kills the container that owns the first instance; returns its host and the instances that it owned."""
    host = before[min(before)]["host"]
    name = host.split(":")[0]
    expect(name in containers, f"host is the advertised address of a master, not {host}")
    orphans = [id for id, instance in before.items() if instance["host"] == host]
    docker("kill", containers[name])
    say(f"killed {name}, which owned {len(orphans)} of {len(before)} instances")
    return host, orphans


def check_takeover(api, host, orphans):
    began = time.monotonic()
    live_hosts = lambda: {member["host"] for member in api.members("master")} - {host}
    moved = lambda: all(api.instance(id)["host"] in live_hosts() for id in orphans)
    eventually(moved, MOVED_WITHIN, f"every instance of {host} has a live owner")
    say(f"every instance has a live owner after {time.monotonic() - began:.1f} s")
    for id in orphans:
        instance, log = api.instance(id), api.ok("GET", f"/instances/{id}/ownership")["log"]
        last = log[-1]
        expect(instance["epoch"] == 2 and instance["state"] == "running", f"{id} runs under epoch 2: {instance}")
        expect((last["why"], last["from_host"]) == ("failover", host), f"the log of {id} says why: {last}")
        expect(last["host"] == instance["host"], f"{id} is where its log says: {last}")


def check_control_calls(api, orphans):
    """Pauses the first orphan, stops the second; both by a node that never owned them."""
    paused, stopped = orphans[0], orphans[1] if len(orphans) > 1 else None
    answer = api.ok("POST", f"/instances/{paused}/pause?wait=10s", {})
    expect(answer["operation"]["outcome"] == "applied", f"the pause is applied: {answer}")
    expect(answer["instance"]["state"] == "pausing", f"the running task may end: {answer['instance']}")
    if stopped:
        api.ok("POST", f"/instances/{stopped}/stop?wait=10s", {})
        eventually(lambda: api.instance(stopped)["state"] == "stopped", 15, f"{stopped} is stopped")
        expect(api.tasks(stopped)["long"]["state"] == "killed", "its task is killed")
    eventually(lambda: api.instance(paused)["state"] == "paused", 40, f"{paused} is paused when its task has ended")
    expect(api.tasks(paused)["next"]["state"] == "not_run", "nothing started while it was pausing")
    api.ok("POST", f"/instances/{paused}/resume?wait=10s", {})
    say("pause, resume and stop work after the take-over")
    return stopped


def check_results(api, before, stopped):
    """Every instance succeeds, with one attempt of each task and its complete log."""
    for id in before:
        if id == stopped:
            continue
        eventually(lambda id=id: api.instance(id)["state"] == "succeeded", 60, f"{id} succeeds")
        attempts = {name: task["attempts"] for name, task in api.tasks(id).items()}
        expect(attempts == {"long": 1, "next": 1}, f"no task of {id} started twice: {attempts}")
        log = api.ok("GET", f"/instances/{id}/tasks/long/attempts/1/log")
        expect(log == "begun\nended\n", f"the log of {id} is complete: {log!r}")
    say("every instance succeeded, no task started twice, the logs are complete")


def restart_killed(api, host, containers):
    """The killed container joins again as a new incarnation."""
    old = [node for node in api.ok("GET", "/nodes")["items"] if node["host"] == host]
    docker("start", containers[host.split(":")[0]])
    mine = lambda: [member for member in api.members("master") if member["host"] == host]
    new = eventually(mine, 60, f"{host} is active again")[0]
    known = [node["incarnation"] for node in old]
    expect(new["incarnation"] not in known, f"its incarnation is new: {new['incarnation']} of {known}")
    say(f"{host} is back as incarnation {new['incarnation']}")


def drain_owner(api, containers):
    """A container that is stopped hands its instance over before it ends, and the running task continues."""
    id, instance = next(iter(start_instances(api, 1).items()))
    name = instance["host"].split(":")[0]
    docker("stop", "--time", "40", containers[name])
    code = docker("inspect", "--format", "{{.State.ExitCode}}", containers[name]).strip()
    expect(code == "0", f"a drained node ends with 0, not {code}")
    last = api.ok("GET", f"/instances/{id}/ownership")["log"][-1]
    expect((last["why"], last["from_host"]) == ("handover", instance["host"]), f"the log of {id} says why: {last}")
    say(f"stopped {name}, which handed its instance to {last['host']}")
    check_results(api, [id], None)


def main(url, token_file, container_file):
    with open(token_file) as file:
        api = Api(url, file.read().strip())
    with open(container_file) as file:
        containers = dict(line.split() for line in file)
    wait_for_members(api, 90)
    before = start_instances(api, 6)
    host, orphans = kill_owner(api, before, containers)
    check_takeover(api, host, orphans)
    stopped = check_control_calls(api, orphans)
    check_results(api, before, stopped)
    restart_killed(api, host, containers)
    drain_owner(api, containers)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Unexpected as error:
        print(f"compose-test: {error}", file=sys.stderr)
        sys.exit(1)
