// Package terrace is a client of Terrace: LLM requests over tiers of models, with a judge, budgets and a
// bill.
//
// A Client has the stubs made from the protos, over a connection that is set up as gRPC means it: the
// key with every call, a deadline where the caller's context has none, retries by service config, and
// round robin over all addresses of a name. `go generate` makes the stubs.
package terrace

import (
	"context"
	"crypto/tls"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	judgev1 "terrace/client/pb/judge/v1"
	ledgerv1 "terrace/client/pb/ledger/v1"
	routerv1 "terrace/client/pb/router/v1"
)

//go:generate go run ./internal/generate ../../proto pb terrace/client/pb

// DefaultAddress is where `terrace up` listens.
const DefaultAddress = "127.0.0.1:7600"

// DefaultTimeout holds for calls whose context has no deadline.
const DefaultTimeout = 2 * time.Minute

// Only UNAVAILABLE is tried again, and Terrace says no to that once a model was called.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "terrace.router.v1.RouterService"}, {"service": "terrace.ledger.v1.LedgerService"}],
    "retryPolicy": {
      "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "2s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}
}`

// maxMessageBytes is the largest message either way.
const maxMessageBytes = 32 << 20

// Client is a connection to Terrace, safe to share between goroutines.
type Client struct {
	// Router answers prompts.
	Router routerv1.RouterServiceClient
	// Ledger has the bill.
	Ledger ledgerv1.LedgerServiceClient
	// Judge says what an answer is worth.
	Judge judgev1.JudgeServiceClient
	conn  *grpc.ClientConn
}

// Options say how to connect; the zero value takes everything from the environment.
type Options struct {
	// Address is host:port, https://host:port or a target of gRPC; empty: TERRACE_ADDRESS, else
	// DefaultAddress.
	Address string
	// Key is sent with every call; empty: TERRACE_API_KEY.
	Key string
	// Timeout holds for calls whose context has no deadline; zero: DefaultTimeout.
	Timeout time.Duration
}

// New connects. Nothing is sent before the first call.
func New(options Options) (*Client, error) {
	options = options.filled()
	target, tlsWanted := target(options.Address)
	transport := insecure.NewCredentials()
	if tlsWanted {
		transport = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12})
	}
	conn, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithPerRPCCredentials(key(options.Key)),
		grpc.WithUnaryInterceptor(withDeadline(options.Timeout)),
		grpc.WithStreamInterceptor(streamWithDeadline(options.Timeout)),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{
			BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}}),
	)
	if err != nil {
		return nil, err
	}
	return &Client{
		Router: routerv1.NewRouterServiceClient(conn),
		Ledger: ledgerv1.NewLedgerServiceClient(conn),
		Judge:  judgev1.NewJudgeServiceClient(conn),
		conn:   conn,
	}, nil
}

// Close ends the connection, and calls in flight.
func (c *Client) Close() error { return c.conn.Close() }

func (o Options) filled() Options {
	if o.Address == "" {
		o.Address = os.Getenv("TERRACE_ADDRESS")
	}
	if o.Address == "" {
		o.Address = DefaultAddress
	}
	if o.Key == "" {
		o.Key = os.Getenv("TERRACE_API_KEY")
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	return o
}

// target is what gRPC calls an address, and whether it is reached by TLS.
func target(address string) (string, bool) {
	scheme, rest, found := strings.Cut(address, "://")
	switch {
	case !found:
		return "dns:///" + address, false
	case scheme == "http" || scheme == "https":
		return "dns:///" + strings.TrimSuffix(rest, "/"), scheme == "https"
	default:
		return address, false
	}
}

// key goes along with every call.
type key string

func (k key) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if k == "" {
		return nil, nil
	}
	return map[string]string{"authorization": "Bearer " + string(k)}, nil
}

// RequireTransportSecurity is false: inside a machine or a mesh Terrace may be reached without TLS.
func (k key) RequireTransportSecurity() bool { return false }

func withDeadline(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, set := ctx.Deadline(); !set {
			bounded, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ctx = bounded
		}
		return invoke(ctx, method, request, reply, conn, options...)
	}
}

func streamWithDeadline(timeout time.Duration) grpc.StreamClientInterceptor {
	return func(ctx context.Context, about *grpc.StreamDesc, conn *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		if _, set := ctx.Deadline(); set {
			return open(ctx, about, conn, method, options...)
		}
		bounded, cancel := context.WithTimeout(ctx, timeout)
		options = append(options, grpc.OnFinish(func(error) { cancel() }))
		stream, err := open(bounded, about, conn, method, options...)
		if err != nil {
			cancel()
		}
		return stream, err
	}
}
