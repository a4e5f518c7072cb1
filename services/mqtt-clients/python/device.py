"""What both Python devices share: their argument, the payloads they send, and how they print what they see."""

import json
import sys
import time
from urllib.parse import urlsplit


class Argument:
    def __init__(self):
        argument = json.loads(sys.argv[1])
        url = urlsplit(argument["url"])
        self.scheme, self.host, self.port, self.path = url.scheme, url.hostname, url.port, url.path
        self.ca_file = argument.get("caFile")
        self.id, self.qos = argument["id"], argument["qos"]
        self.count, self.bad_every = argument["count"], argument["badEvery"]
        self.topic = f"devices/{self.id}/telemetry"
        # Not the time of sending: what is sent again later would meet another one's millisecond, and they would merge.
        self.started = int(time.time() * 1000)

    def payload(self, seq):
        temperature = "hot" if seq % self.bad_every == 0 else 20
        return json.dumps(
            {
                "schema": "environment/1",
                "ts": self.started + seq,
                "seq": seq,
                "values": {"temperature": temperature, "humidity": 40},
            }
        )


def say(what):
    print(json.dumps(what), flush=True)
