package httpapi

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// olderMessageTypes are the kinds of messages that older instances know, as
// they and the inboxes spell them; any other is a custom one.
var olderMessageTypes = []string{
	"Query", "Response", "Notification", "TaskDelegation", "TaskResult", "GraphSync", "CapabilityUpdate", "CapabilityQuery",
	"LearningShare", "ProposalSubmit", "ProposalVote", "WorkflowAssignment", "WorkflowStageResult",
}

// messageTypesByWord finds such a kind by its letters alone.
var messageTypesByWord = func() map[string]string {
	m := map[string]string{}
	for _, name := range olderMessageTypes {
		m[strings.ToLower(name)] = name
	}
	return m
}()

// messageType is a message's kind as older instances spell it: TaskDelegation,
// task_delegation, TASK-DELEGATION and taskDelegation are one, and go out in the
// first spelling; a kind they do not know is {"Custom":"its name"}, which comes
// in as a plain text as well.
type messageType string

// UnmarshalJSON implements json.Unmarshaler.
func (m *messageType) UnmarshalJSON(b []byte) error {
	var name string
	if json.Unmarshal(b, &name) != nil {
		var c customType
		if err := json.Unmarshal(b, &c); err != nil || c.Custom == "" {
			return errors.New(`a message_type is a name, or {"Custom": name}`)
		}
		name = c.Custom
	}
	*m = messageType(knownMessageType(name))
	return nil
}

func knownMessageType(name string) string {
	word := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
	if known, ok := messageTypesByWord[word]; ok {
		return known
	}
	return name
}

// MarshalJSON implements json.Marshaler.
func (m messageType) MarshalJSON() ([]byte, error) {
	known := knownMessageType(string(m))
	if _, ok := messageTypesByWord[strings.ToLower(known)]; ok {
		return json.Marshal(known)
	}
	return json.Marshal(customType{string(m)})
}

// Schema implements huma.SchemaProvider.
func (messageType) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{
		Description: `Query, Response, Notification, TaskDelegation and their like, in any case; or {"Custom": name}`,
		OneOf: []*huma.Schema{
			{Type: huma.TypeString},
			r.Schema(reflect.TypeFor[customType](), true, "CustomType"),
		},
	}
}
