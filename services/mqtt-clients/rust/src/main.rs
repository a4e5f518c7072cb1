//! A device with rumqttc. Its argument, and what it prints, are described in ../../README.md.

use rumqttc::v5::mqttbytes::v5::{ConnectProperties, PublishProperties};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, EventLoop, Incoming, MqttOptions, Request};
use rumqttc::{Outgoing, TlsConfiguration, Transport};
use serde_json::{json, Value};
use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Messages that wait in the channel of the client; the others wait here, see `take_back`.
const CHANNEL: usize = 1;

/// A message as the device keeps it: its payload.
type Message = Vec<u8>;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio_rustls::rustls::crypto::ring::default_provider().install_default().unwrap();
    let argument: Value = serde_json::from_str(&std::env::args().nth(1).unwrap()).unwrap();
    let text = |key: &str| argument[key].as_str().unwrap().to_string();
    let number = |key: &str| argument[key].as_u64().unwrap();
    let (id, count) = (text("id"), number("count"));
    let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][number("qos") as usize];

    let mut options = options_of(&text("url"), &id, argument["caFile"].as_str());
    options.set_keep_alive(Duration::from_secs(30)).set_clean_start(false).set_connect_properties(
        ConnectProperties { session_expiry_interval: Some(600), ..ConnectProperties::new() },
    );
    let (client, mut events) = AsyncClient::new(options, CHANNEL);
    let bad = |seq| seq % number("badEvery") == 0;
    let mut unsent: VecDeque<Message> = (0..count).map(|seq| payload(seq, bad(seq)).into_bytes()).collect();
    let publish = |message: &Message| {
        let properties = PublishProperties { topic_alias: Some(1), ..Default::default() };
        client.try_publish_with_properties(format!("devices/{id}/telemetry"), qos, false, message.clone(), properties)
    };

    let mut answered = 0;
    // What the client forgets when the gateway says that there is no session: a device keeps it itself.
    let mut unanswered = Vec::new();
    let mut resumes = false;
    while answered < count {
        resumes = resumes && (!events.pending.is_empty() || events.state.inflight() > 0);
        while !resumes && unsent.front().is_some_and(|message| publish(message).is_ok()) {
            unsent.pop_front();
        }
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(connack))) => {
                println!("{}", json!({ "sessionPresent": connack.session_present }));
                let forgotten = unanswered.drain(..).rev().filter(|_| !connack.session_present);
                forgotten.for_each(|message| unsent.push_front(message));
            }
            Ok(Event::Incoming(Incoming::PubAck(it))) => answered += answer(&format!("{:?}", it.reason)),
            Ok(Event::Incoming(Incoming::PubRec(it))) => answered += answer(&format!("{:?}", it.reason)),
            // Sent is all that can be said of these.
            Ok(Event::Outgoing(Outgoing::Publish(_))) if qos == QoS::AtMostOnce => answered += 1,
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error:?}");
                resumes = true;
                take_back(&mut events, &mut unsent);
                unanswered = events.pending.iter().filter_map(message_of).collect();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    client.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
}

/// What the client has not sent yet waits here until it is told its session again, and all that it sent before is answered.
/// rumqttc 0.25.1 sends what waits in it on the new connection at once, whatever the Receive Maximum; of those messages whose
/// packet identifier is in use it remembers the last one, and the others are gone without a word (src/v5: `EventLoop::clean`
/// and `select`, `MqttState::outgoing_publish`); and with QoS 2 it does not count that one when it sends it
/// (`handle_incoming_pubcomp`), gives its identifier to yet another message, and takes the PUBREC of one for that of both.
fn take_back(events: &mut EventLoop, unsent: &mut VecDeque<Message>) {
    let is_new = |it: &Request| matches!(it, Request::Publish(publish) if publish.pkid == 0);
    let (new, sent): (Vec<_>, Vec<_>) = events.pending.drain(..).partition(is_new);
    events.pending = sent.into();
    new.iter().rev().filter_map(message_of).for_each(|message| unsent.push_front(message));
}

fn message_of(request: &Request) -> Option<Message> {
    match request {
        Request::Publish(publish) => Some(publish.payload.to_vec()),
        _ => None,
    }
}

fn options_of(url: &str, id: &str, ca_file: Option<&str>) -> MqttOptions {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, port) = rest.split('/').next().unwrap().split_once(':').unwrap();
    let is_web_socket = scheme.starts_with("ws");
    let mut options = MqttOptions::new(id, if is_web_socket { url } else { host }, port.parse().unwrap());
    let tls = || TlsConfiguration::Simple {
        ca: std::fs::read(ca_file.unwrap()).unwrap(), alpn: None, client_auth: None,
    };
    options.set_transport(match scheme {
        "mqtts" => Transport::Tls(tls()),
        "ws" => Transport::Ws,
        "wss" => Transport::Wss(tls()),
        _ => Transport::Tcp,
    });
    options
}

fn payload(seq: u64, bad: bool) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let temperature = if bad { json!("hot") } else { json!(20) };
    json!({ "schema": "environment/1", "ts": now + seq, "seq": seq,
            "values": { "temperature": temperature, "humidity": 40 } }).to_string()
}

/// rumqttc gives the names of reason codes alone.
fn answer(reason: &str) -> u64 {
    let code = match reason {
        "Success" => 0x00,
        "PayloadFormatInvalid" => 0x99,
        _ => panic!("not expected: {reason}"),
    };
    println!("{}", json!({ "code": code }));
    1
}
