package terrace

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	commonv1 "terrace/client/pb/common/v1"
	routerv1 "terrace/client/pb/router/v1"
)

// Ask is a request with one question of a user. It has an id, so that trying it again is never billed
// twice; everything else may be set on what comes back.
func Ask(prompt string) *routerv1.RouteRequest {
	return &routerv1.RouteRequest{
		RequestId: NewID(),
		Messages:  []*commonv1.Message{Says(commonv1.Role_ROLE_USER, prompt)},
	}
}

// Says is a message of text.
func Says(role commonv1.Role, text string) *commonv1.Message {
	part := &commonv1.Part{Kind: &commonv1.Part_Text{Text: text}}
	return &commonv1.Message{Role: role, Parts: []*commonv1.Part{part}}
}

// Text is all text of a message.
func Text(message *commonv1.Message) string {
	var text strings.Builder
	for _, part := range message.GetParts() {
		text.WriteString(part.GetText())
	}
	return text.String()
}

// USD is an amount in US dollars with all its digits, as 0.010000000.
func USD(nanoUSD int64) string {
	sign := ""
	if nanoUSD < 0 {
		sign, nanoUSD = "-", -nanoUSD
	}
	return fmt.Sprintf("%s%d.%09d", sign, nanoUSD/1e9, nanoUSD%1e9)
}

// NewID is a UUID of version 7: it begins with the time, which keeps the ledger's partitions small.
func NewID() string {
	var id [16]byte
	_, _ = rand.Read(id[6:]) // Never fails.
	millis := uint64(time.Now().UnixMilli())
	for i := range 6 {
		id[i] = byte(millis >> (40 - 8*i))
	}
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
