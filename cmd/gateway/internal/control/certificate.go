package control

import "net/http"

// Certified is the answer to a request for a device's certificate, each in
// PEM.
type Certified struct {
	Certificate string `json:"certificate"`
	// Key is shown this once; "" if the device has its own.
	Key string `json:"key,omitempty"`
	// Authority is the certificate that the device has to trust.
	Authority string `json:"authority"`
}

// certify serves POST /v1/certificates/{device}. The request in PEM (CSR) is
// "" for a key that is made here.
func (c Config) certify(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Request string `json:"request,omitempty"`
	}
	if !read(w, r, &asked) {
		return
	}
	made, err := c.Certify(author(r), r.PathValue("device"), asked.Request)
	answer(w, r, made, err)
}
