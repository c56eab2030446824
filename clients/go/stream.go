package terrace

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"

	routerv1 "terrace/client/pb/router/v1"
)

// Draft is an answer that comes in pieces: what each attempt has said, until it is taken back.
type Draft struct {
	texts map[uint32]string
	// Answer is the whole answer, once the stream has ended well.
	Answer *routerv1.RouteResponse
}

// Text is what stands at this moment.
func (d *Draft) Text() string {
	var text strings.Builder
	for _, index := range slices.Sorted(maps.Keys(d.texts)) {
		text.WriteString(d.texts[index])
	}
	return text.String()
}

// Follow reads a stream to its end and keeps the draft; more is called with every further text, and
// restart when an attempt is taken back: whoever has shown its text clears it then. Either may be nil.
func Follow(
	stream grpc.ServerStreamingClient[routerv1.RouteStreamResponse],
	more func(text string), restart func(attempt *routerv1.Attempt),
) (*Draft, error) {
	draft := &Draft{texts: map[uint32]string{}}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return draft, nil
		}
		if err != nil {
			return draft, err
		}
		draft.take(event, more, restart)
	}
}

func (d *Draft) take(
	event *routerv1.RouteStreamResponse, more func(string), restart func(*routerv1.Attempt),
) {
	switch event := event.GetEvent().(type) {
	case *routerv1.RouteStreamResponse_Chunk:
		d.texts[event.Chunk.GetAttemptIndex()] += event.Chunk.GetText()
		if more != nil && event.Chunk.GetText() != "" {
			more(event.Chunk.GetText())
		}
	case *routerv1.RouteStreamResponse_AttemptRejected:
		attempt := event.AttemptRejected.GetAttempt()
		shown := d.texts[attempt.GetIndex()] != ""
		delete(d.texts, attempt.GetIndex())
		if restart != nil && shown {
			restart(attempt)
		}
	case *routerv1.RouteStreamResponse_Completed:
		d.Answer = event.Completed
	}
}
