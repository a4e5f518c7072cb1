// A device with paho.golang. Its argument, and what it prints, are described in ../README.md.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
)

type argument struct {
	Url, CaFile, Id string
	Qos             byte
	Count, BadEvery int
}

var output sync.Mutex

// Times count from here, one millisecond a reading: two in the same one would merge.
var started = time.Now().UnixMilli()

func say(what any) {
	output.Lock()
	defer output.Unlock()
	must(json.NewEncoder(os.Stdout).Encode(what))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	var arg argument
	must(json.Unmarshal([]byte(os.Args[1]), &arg))
	server, err := url.Parse(arg.Url)
	must(err)
	pool := x509.NewCertPool()
	if arg.CaFile != "" {
		pem, err := os.ReadFile(arg.CaFile)
		must(err)
		pool.AppendCertsFromPEM(pem)
	}
	ctx := context.Background()
	connection, err := autopaho.NewConnection(ctx, autopaho.ClientConfig{
		ServerUrls:            []*url.URL{server},
		TlsCfg:                &tls.Config{RootCAs: pool},
		KeepAlive:             30,
		SessionExpiryInterval: 600,
		ReconnectBackoff:      func(int) time.Duration { return 100 * time.Millisecond },
		OnConnectionUp: func(_ *autopaho.ConnectionManager, connack *paho.Connack) {
			say(map[string]bool{"sessionPresent": connack.SessionPresent})
		},
		OnConnectError: func(err error) { fmt.Fprintln(os.Stderr, err) },
		ClientConfig:   paho.ClientConfig{ClientID: arg.Id},
	})
	must(err)
	var group sync.WaitGroup
	for seq := 0; seq < arg.Count; seq++ {
		group.Add(1)
		go func() {
			defer group.Done()
			publish(ctx, connection, arg, seq)
		}()
	}
	group.Wait()
	must(connection.Disconnect(ctx))
}

// The client forgets a message when the gateway says that there is no session: a device sends it again until it is answered.
func publish(ctx context.Context, connection *autopaho.ConnectionManager, arg argument, seq int) {
	alias := uint16(1)
	message := &paho.Publish{
		Topic:      "devices/" + arg.Id + "/telemetry",
		QoS:        arg.Qos,
		Payload:    payload(seq, seq%arg.BadEvery == 0),
		Properties: &paho.PublishProperties{TopicAlias: &alias},
	}
	for {
		must(connection.AwaitConnection(ctx))
		response, err := connection.Publish(ctx, message)
		if response != nil {
			say(map[string]int{"seq": seq, "code": int(response.ReasonCode)})
			return
		}
		if err == nil && arg.Qos == 0 {
			return
		}
		fmt.Fprintln(os.Stderr, seq, err)
		time.Sleep(50 * time.Millisecond)
	}
}

func payload(seq int, bad bool) []byte {
	var temperature any = 20
	if bad {
		temperature = "hot"
	}
	bytes, err := json.Marshal(map[string]any{
		"schema": "environment/1", "ts": started + int64(seq), "seq": seq,
		"values": map[string]any{"temperature": temperature, "humidity": 40},
	})
	must(err)
	return bytes
}
