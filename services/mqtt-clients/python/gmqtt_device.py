"""A device with gmqtt. Its argument, and what it prints, are described in ../README.md."""

import asyncio
import ssl

import gmqtt
from gmqtt.storage import PersistentStorage

from device import Argument, say

argument = Argument()


class Kept(PersistentStorage):
    """What waits for its answer. gmqtt tells the application of answers in no other way, and of none with its code."""

    def __init__(self):
        super().__init__()
        self.queue = list(range(argument.count))[::-1]
        self.sending = None
        self.waiting = {}
        self.changed = asyncio.Event()

    def push_message(self, mid, raw_package):
        super().push_message(mid, raw_package)
        self.waiting.setdefault(mid, self.sending)

    def remove_message_by_mid(self, mid):
        super().remove_message_by_mid(mid)
        if self.waiting.pop(mid, None) is not None:
            say({"answered": True})
        self.changed.set()

    def clear(self):
        """The gateway says that there is no session, and gmqtt forgets: a device sends it again."""
        super().clear()
        self.queue.extend(self.waiting.values())
        self.waiting.clear()
        self.changed.set()


async def main():
    kept = Kept()
    client = gmqtt.Client(
        argument.id, clean_session=False, session_expiry_interval=600, persistent_storage=kept
    )
    client.set_config({"reconnect_delay": 0.1, "reconnect_retries": gmqtt.constants.UNLIMITED_RECONNECTS})
    receive_maximum = 0

    def on_connect(_client, flags, _code, properties):
        nonlocal receive_maximum
        receive_maximum = properties["receive_maximum"][0]
        say({"sessionPresent": bool(flags & 1)})
        kept.changed.set()

    client.on_connect = on_connect
    context = ssl.create_default_context(cafile=argument.ca_file) if argument.ca_file else False
    await client.connect(argument.host, argument.port, ssl=context, keepalive=30)
    while kept.queue or kept.waiting:
        # It gives out no more identifiers than this, and does not give back those of what it forgot: some are left.
        while kept.queue and client.is_connected and len(kept.waiting) < receive_maximum // 2:
            kept.sending = kept.queue.pop()
            body = argument.payload(kept.sending)
            try:
                client.publish(argument.topic, body, qos=argument.qos, topic_alias=1)
            except OverflowError:
                kept.queue.append(kept.sending)
                break
        if kept.waiting or not client.is_connected:
            kept.changed.clear()
            await kept.changed.wait()
    await client.disconnect()


asyncio.run(main())
