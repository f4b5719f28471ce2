package console

import (
	"net/http"
	"time"

	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/texts"
)

// told is a command with what has become of it in words.
type told struct {
	command.Command
	Words string `json:"words"`
}

// apiCommand asks something of a device: {"action":"open","data":{"compartment":12}},
// with an "id" that makes a repetition harmless and "valid_seconds" if the
// usual time is not right. The answer is the command, which is on disk and
// about to be sent; GET /api/commands/{id} tells how it goes on.
func (c *Console) apiCommand(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ID     string         `json:"id"`
		Action command.Action `json:"action"`
		Data   command.Data   `json:"data"`
		Valid  float64        `json:"valid_seconds"`
	}
	if !c.apiRead(w, r, &body) {
		return
	}
	asked, err := c.Commands.Ask(r.Context(), command.Order{
		ID: body.ID, Device: r.PathValue("id"), Action: body.Action, Data: body.Data, By: person(r),
	}, time.Duration(body.Valid*float64(time.Second)))
	if err != nil {
		c.refuse(w, r, http.StatusConflict, texts.Of(err, language(w, r)))
		return
	}
	c.answer(w, r, http.StatusAccepted, told{asked, asked.Words(language(w, r))})
}

// apiCommands lists the commands under way and the latest that have ended.
func (c *Console) apiCommands(w http.ResponseWriter, r *http.Request) {
	lang, list := language(w, r), []told{}
	for _, one := range c.Commands.Commands() {
		list = append(list, told{one, one.Words(lang)})
	}
	c.answer(w, r, http.StatusOK, struct {
		Commands []told `json:"commands"`
	}{list})
}

func (c *Console) apiOneCommand(w http.ResponseWriter, r *http.Request) {
	one, known := c.Commands.Command(r.PathValue("id"))
	if !known {
		c.refuse(w, r, http.StatusNotFound, texts.Order.NoCommand.In(language(w, r), r.PathValue("id")))
		return
	}
	c.answer(w, r, http.StatusOK, told{one, one.Words(language(w, r))})
}
