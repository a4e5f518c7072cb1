"""A device with paho-mqtt. Its argument, and what it prints, are described in ../README.md."""

import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from device import Argument, say

argument = Argument()
client = mqtt.Client(
    mqtt.CallbackAPIVersion.VERSION2,
    client_id=argument.id,
    protocol=mqtt.MQTTv5,
    transport="websockets" if argument.scheme.startswith("ws") else "tcp",
)
if argument.path:
    client.ws_set_options(path=argument.path)
if argument.ca_file:
    client.tls_set(argument.ca_file)
client.reconnect_delay_set(min_delay=1, max_delay=1)

# It does not look at the Receive Maximum of the server.
room = threading.Semaphore(0)
complete = threading.Event()
answered = set()
known = 0


def on_connect(_client, _userdata, flags, reason, properties):
    global known
    if reason.is_failure:
        return
    say({"sessionPresent": flags.session_present})
    if known == 0:
        known = properties.ReceiveMaximum
        room.release(known)


def on_publish(_client, _userdata, mid, reason, _properties):
    # Identifiers are given out in order, from 1. It sends again by itself, whatever the gateway says of a session, so
    # that a message can be answered twice.
    seq = mid - 1
    if seq in answered:
        return
    if argument.qos > 0:
        say({"seq": seq, "code": reason.value})
    answered.add(seq)
    room.release()
    if len(answered) == argument.count:
        complete.set()


client.on_connect = on_connect
client.on_publish = on_publish
client.max_queued_messages_set(0)
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 600
client.connect(argument.host, argument.port, 30, clean_start=False, properties=session)
client.loop_start()
alias = Properties(PacketTypes.PUBLISH)
alias.TopicAlias = 1
for seq in range(argument.count):
    room.acquire()
    client.publish(argument.topic, argument.payload(seq), argument.qos, properties=alias)
complete.wait()
client.disconnect()
client.loop_stop()
