// Package contracttest holds what goes over the wire against openapi.yaml, for
// tests.
package contracttest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	problems "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi/datamodel"
)

// Spec is the document, with the schemas beside it.
type Spec struct{ validator validator.Validator }

// Open reads openapi.yaml of a folder. It fails if that is no OpenAPI.
func Open(folder string) (*Spec, error) {
	text, err := os.ReadFile(filepath.Join(folder, "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	return Read(folder, text)
}

// Read is Open for a text that has not been written.
func Read(folder string, text []byte) (*Spec, error) {
	c := datamodel.NewDocumentConfiguration()
	c.AllowFileReferences, c.BasePath, c.Logger = true, folder, slog.New(slog.DiscardHandler)
	doc, err := libopenapi.NewDocumentWithConfiguration(text, c)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		return nil, fmt.Errorf("openapi: %w", errors.Join(errs...))
	}
	if ok, wrong := v.ValidateDocument(); !ok {
		return nil, fmt.Errorf("openapi: %w", join(wrong))
	}
	return &Spec{v}, nil
}

// Request says what is wrong with a request, whose body is in clear.
func (s *Spec) Request(req *http.Request, body []byte) error {
	asked := req.Clone(req.Context())
	asked.Body = io.NopCloser(bytes.NewReader(body))
	_, wrong := s.validator.ValidateHttpRequestSync(asked)
	return join(wrong)
}

// Response says what is wrong with the answer to a request.
func (s *Spec) Response(req *http.Request, status int, header http.Header, body []byte) error {
	_, wrong := s.validator.ValidateHttpResponse(req, &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body))})
	return join(wrong)
}

func join(wrong []*problems.ValidationError) error {
	var all []error
	for _, w := range wrong {
		all = append(all, fmt.Errorf("%s: %s", w.Message, w.Reason))
		for _, f := range w.SchemaValidationErrors {
			all = append(all, fmt.Errorf("%s: %s", f.FieldPath, f.Reason))
		}
	}
	return errors.Join(all...)
}
