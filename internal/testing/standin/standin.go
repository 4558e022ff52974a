// Package standin answers coding agents as their vendors' services would, so that the real agents can be tested without
// an account. It knows the three requests that make an agent show a text: Anthropic's messages, Gemini's
// generateContent, and OpenAI's responses.
package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Service gives Text to whoever asks, and remembers their credentials and what they asked.
type Service struct {
	Text string

	mu    sync.Mutex // guards what follows
	keys  map[string]bool
	texts map[string]bool
}

// Asked reports whether a user's message was exactly this prompt, but for blanks around it.
func (s *Service) Asked(prompt string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts[strings.TrimSpace(prompt)]
}

// Saw reports whether a request carried a credential.
func (s *Service) Saw(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key]
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.note(r.Header)
	s.listen(body)
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, "/v1/messages"):
		s.anthropic(w, bytes.Contains(bytes.ReplaceAll(body, []byte(" "), nil), []byte(`"stream":true`)))
	case strings.HasSuffix(path, ":streamGenerateContent"):
		events(w, "", s.gemini(s.Text))
	case strings.HasSuffix(path, ":generateContent"): // which model to take, asked of a small one
		answer(w, s.gemini(`{"complexity_reasoning":"-","complexity_score":1,"reasoning":"-","model_choice":"flash"}`))
	case strings.HasSuffix(path, "/responses") && r.Method == http.MethodPost:
		s.openAI(w)
	default:
		answer(w, object{})
	}
}

func (s *Service) note(h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]bool{}
	}
	for _, name := range []string{"X-Api-Key", "X-Goog-Api-Key", "Authorization"} {
		s.keys[strings.TrimPrefix(h.Get(name), "Bearer ")] = true
	}
}

// Forget forgets what was asked.
func (s *Service) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = nil
}

// listen keeps the texts of a request's messages: Anthropic's messages, Gemini's contents, OpenAI's input.
func (s *Service) listen(body []byte) {
	var request object
	if json.Unmarshal(body, &request) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.texts == nil {
		s.texts = map[string]bool{}
	}
	for _, key := range []string{"messages", "contents", "input"} {
		s.keep(request[key])
	}
}

func (s *Service) keep(v any) {
	switch v := v.(type) {
	case string:
		s.texts[strings.TrimSpace(v)] = true
	case []any:
		for _, item := range v {
			s.keep(item)
		}
	case object:
		for key, item := range v {
			if key != "role" && key != "type" {
				s.keep(item)
			}
		}
	}
}

type object = map[string]any

func (s *Service) anthropic(w http.ResponseWriter, stream bool) {
	message := object{
		"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": []object{},
		"stop_reason": nil, "stop_sequence": nil, "usage": object{"input_tokens": 1, "output_tokens": 1},
	}
	if !stream {
		message["content"], message["stop_reason"] = []object{{"type": "text", "text": s.Text}}, "end_turn"
		answer(w, message)
		return
	}
	events(w, "type",
		object{"type": "message_start", "message": message},
		object{"type": "content_block_start", "index": 0, "content_block": object{"type": "text", "text": ""}},
		object{"type": "content_block_delta", "index": 0, "delta": object{"type": "text_delta", "text": s.Text}},
		object{"type": "content_block_stop", "index": 0},
		object{"type": "message_delta", "delta": object{"stop_reason": "end_turn", "stop_sequence": nil}, "usage": object{"output_tokens": 2}},
		object{"type": "message_stop"})
}

func (s *Service) gemini(text string) object {
	return object{
		"candidates": []object{{
			"content": object{"role": "model", "parts": []object{{"text": text}}}, "finishReason": "STOP", "index": 0,
		}},
		"usageMetadata": object{"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
	}
}

func (s *Service) openAI(w http.ResponseWriter) {
	item := object{
		"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
		"content": []object{{"type": "output_text", "text": s.Text, "annotations": []object{}}},
	}
	events(w, "type",
		object{"type": "response.created", "response": object{"id": "r1", "status": "in_progress"}},
		object{"type": "response.output_item.done", "output_index": 0, "item": item},
		object{"type": "response.completed", "response": object{
			"id": "r1", "status": "completed", "output": []object{item},
			"usage": object{"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
		}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// events sends server-sent events, named by one of their fields.
func events(w http.ResponseWriter, name string, all ...object) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range all {
		if name != "" {
			fmt.Fprintf(w, "event: %s\n", e[name])
		}
		b, err := json.Marshal(e)
		if err != nil {
			return
		}
		fmt.Fprintf(w, "data: %s\n\n", b)
	}
}
