// Command interop tries every feature that a client has to have against a running Terrace and prints a
// line of JSON for each. Behind tests/e2e; see the table in docs/CLIENTS.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"terrace/client"
	commonv1 "terrace/client/pb/common/v1"
	ledgerv1 "terrace/client/pb/ledger/v1"
	routerv1 "terrace/client/pb/router/v1"
)

const (
	capital = "Name the capital of France."
	harder  = "Name the capital of France, beyond the small one."
	slow    = "Take your time and name the capital of France."
	broken  = "Nothing works."
)

func main() {
	client, err := terrace.New(terrace.Options{Timeout: 30 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer client.Close()
	for _, feature := range features {
		tell(feature.name, feature.try(context.Background(), client))
	}
	fmt.Println("restart")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	tell("reconnect after a restart", unary(context.Background(), client))
}

// tell prints how a feature went.
func tell(name string, err error) {
	line := map[string]any{"feature": name, "ok": err == nil}
	if err != nil {
		line["why"] = err.Error()
	}
	printed, _ := json.Marshal(line)
	fmt.Println(string(printed))
}

var features = []struct {
	name string
	try  func(context.Context, *terrace.Client) error
}{
	{"unary call", unary},
	{"stream, held back", stream(routerv1.CommitMode_COMMIT_MODE_HOLD_BACK)},
	{"stream, prefix", stream(routerv1.CommitMode_COMMIT_MODE_PREFIX)},
	{"stream, provisional, taken back", takenBack},
	{"stream both ways (batch)", batch},
	{"deadline", deadline},
	{"cancel", cancelled},
	{"error details", errorDetails},
	{"attempts of an error, not tried again", attempts},
	{"metadata (key)", metadata},
}

func unary(ctx context.Context, client *terrace.Client) error {
	answer, err := client.Router.Route(ctx, terrace.Ask(capital))
	if err != nil {
		return err
	}
	return claim(strings.Contains(terrace.Text(answer.GetOutput()), "Paris"), "no Paris")
}

func stream(mode routerv1.CommitMode) func(context.Context, *terrace.Client) error {
	return func(ctx context.Context, client *terrace.Client) error {
		draft, err := follow(ctx, client, capital, mode, nil)
		if err != nil {
			return err
		}
		return claim(draft.Text() == terrace.Text(draft.Answer.GetOutput()), "another text: "+draft.Text())
	}
}

func takenBack(ctx context.Context, client *terrace.Client) error {
	var back []string
	note := func(attempt *routerv1.Attempt) { back = append(back, attempt.GetModel()) }
	mode := routerv1.CommitMode_COMMIT_MODE_PROVISIONAL
	draft, err := follow(ctx, client, harder, mode, note)
	if err != nil {
		return err
	}
	return errors.Join(
		claim(len(back) > 0 && back[0] == "small", "nothing was taken back"),
		claim(draft.Text() == terrace.Text(draft.Answer.GetOutput()), "another text: "+draft.Text()),
	)
}

func follow(
	ctx context.Context, client *terrace.Client, prompt string, mode routerv1.CommitMode,
	restart func(*routerv1.Attempt),
) (*terrace.Draft, error) {
	request := &routerv1.RouteStreamRequest{Request: terrace.Ask(prompt), CommitMode: mode}
	stream, err := client.Router.RouteStream(ctx, request)
	if err != nil {
		return nil, err
	}
	return terrace.Follow(stream, nil, restart)
}

func batch(ctx context.Context, client *terrace.Client) error {
	stream, err := client.Router.RouteBatch(ctx)
	if err != nil {
		return err
	}
	for _, prompt := range []string{capital, harder} {
		if err := stream.Send(&routerv1.RouteBatchRequest{Request: terrace.Ask(prompt)}); err != nil {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	for answered := 0; ; answered++ {
		result, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return claim(answered == 2, "not both were answered")
		}
		if err != nil {
			return err
		}
		if failure := result.GetFailure(); failure != nil {
			return errors.New(failure.GetMessage())
		}
	}
}

func deadline(ctx context.Context, client *terrace.Client) error {
	bounded, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request := terrace.Ask(slow)
	request.Policy = &routerv1.RoutePolicy{Model: "small"}
	_, err := client.Router.Route(bounded, request)
	failure := terrace.FailureOf(err)
	late := failure.Code == codes.DeadlineExceeded || failure.Reason == "BACKEND_TIMEOUT"
	return claim(late, fmt.Sprint("not late but ", err))
}

func cancelled(ctx context.Context, client *terrace.Client) error {
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	request := terrace.Ask(slow)
	stream, err := client.Router.RouteStream(leaving, &routerv1.RouteStreamRequest{
		Request: request, CommitMode: routerv1.CommitMode_COMMIT_MODE_PROVISIONAL})
	if err != nil {
		return err
	}
	_, err = terrace.Follow(stream, func(string) { leave() }, nil)
	if code := terrace.FailureOf(err).Code; code != codes.Canceled {
		return fmt.Errorf("ended with %s", code)
	}
	return booked(ctx, client, request.GetRequestId(), commonv1.AttemptOutcome_ATTEMPT_OUTCOME_CANCELLED)
}

// booked waits until the ledger has the request with this outcome.
func booked(ctx context.Context, client *terrace.Client, id string, outcome commonv1.AttemptOutcome) error {
	for range 100 {
		page, err := client.Ledger.ListUsage(ctx, &ledgerv1.ListUsageRequest{PageSize: 1000})
		if err != nil {
			return err
		}
		for _, event := range page.GetEvents() {
			if event.GetRequestId() == id && event.GetStep().GetOutcome() == outcome {
				return nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("the ledger does not have it")
}

func errorDetails(ctx context.Context, client *terrace.Client) error {
	request := terrace.Ask(capital)
	request.Policy = &routerv1.RoutePolicy{Tier: "penthouse"}
	_, err := client.Router.Route(ctx, request)
	failure := terrace.FailureOf(err)
	return errors.Join(
		claim(failure.Reason == "INVALID_REQUEST", "the reason is "+failure.Reason),
		claim(failure.Fields["policy.tier"] != "", "the field is not named"),
	)
}

func attempts(ctx context.Context, client *terrace.Client) error {
	request := terrace.Ask(broken)
	_, err := client.Router.Route(ctx, request)
	failure := terrace.FailureOf(err)
	// Had it been tried again, the second answer would be that the id is used.
	return errors.Join(
		claim(failure.Reason == "BACKEND_FAILED", "the reason is "+failure.Reason),
		claim(len(failure.Trail.GetAttempts()) == 3, "not three attempts"),
		claim(failure.Trail.GetRequestId() == request.GetRequestId(), "another request"),
	)
}

func metadata(ctx context.Context, _ *terrace.Client) error {
	stranger, err := terrace.New(terrace.Options{Key: "tk_wrong"})
	if err != nil {
		return err
	}
	defer stranger.Close()
	_, err = stranger.Router.Route(ctx, terrace.Ask(capital))
	reason := terrace.FailureOf(err).Reason
	return claim(reason == "UNAUTHENTICATED", "the reason is "+reason)
}

func claim(holds bool, otherwise string) error {
	if holds {
		return nil
	}
	return errors.New(otherwise)
}
