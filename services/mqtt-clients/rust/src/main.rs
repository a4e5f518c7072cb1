//! A device with rumqttc. Its argument, and what it prints, are described in ../../README.md.

use rumqttc::v5::mqttbytes::v5::{ConnectProperties, PublishProperties};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::{AsyncClient, Event, Incoming, MqttOptions, Request};
use rumqttc::{Outgoing, TlsConfiguration, Transport};
use serde_json::{json, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Messages that wait in the channel of the client.
const CHANNEL: usize = 100_000;

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
    for seq in 0..count {
        let topic = format!("devices/{id}/telemetry");
        let bad = seq % number("badEvery") == 0;
        let properties = PublishProperties { topic_alias: Some(1), ..Default::default() };
        client.publish_with_properties(topic, qos, false, payload(seq, bad), properties).await.unwrap();
    }

    let mut answered = 0;
    // What the client forgets when the gateway says that there is no session: a device keeps it itself.
    let mut kept = Vec::new();
    while answered < count {
        match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(connack))) => {
                println!("{}", json!({ "sessionPresent": connack.session_present }));
                for request in kept.drain(..) {
                    if let (Request::Publish(it), false) = (request, connack.session_present) {
                        let properties = it.properties.unwrap_or_default();
                        client.publish_with_properties(
                            String::from_utf8(it.topic.to_vec()).unwrap(), it.qos, false, it.payload, properties,
                        ).await.unwrap();
                    }
                }
            }
            Ok(Event::Incoming(Incoming::PubAck(it))) => answered += answer(&format!("{:?}", it.reason)),
            Ok(Event::Incoming(Incoming::PubRec(it))) => answered += answer(&format!("{:?}", it.reason)),
            // Sent is all that can be said of these.
            Ok(Event::Outgoing(Outgoing::Publish(_))) if qos == QoS::AtMostOnce => answered += 1,
            Ok(_) => {}
            Err(error) => {
                eprintln!("{error:?}");
                kept = events.pending.iter().cloned().collect();
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    client.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
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
