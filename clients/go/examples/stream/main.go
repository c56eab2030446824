// Command stream shows an answer while it comes, and begins anew when it is taken back.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"terrace/client"
	routerv1 "terrace/client/pb/router/v1"
)

func main() {
	client, err := terrace.New(terrace.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	// Cancelling ends the model's work too; what came is billed.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := client.Router.RouteStream(ctx, &routerv1.RouteStreamRequest{
		Request:    terrace.Ask("Explain in two sentences what a cache is."),
		CommitMode: routerv1.CommitMode_COMMIT_MODE_PROVISIONAL,
	})
	if err != nil {
		log.Fatal(err)
	}
	draft, err := terrace.Follow(stream,
		func(text string) { fmt.Print(text) },
		func(attempt *routerv1.Attempt) {
			fmt.Printf("\n[%s fell short: %s]\n", attempt.GetModel(), attempt.GetDetail())
		})
	if err != nil {
		log.Fatal(terrace.FailureOf(err).Message)
	}
	fmt.Printf("\n%s answered\n", draft.Answer.GetDecision().GetModel())
}
