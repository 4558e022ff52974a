package server

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
	"go.uber.org/zap"

	"github.com/gilmanlab/hjk-ls/internal/fileuri"
	"github.com/gilmanlab/hjk-ls/internal/system"
)

// lifecycle is how far a connection has come.
type lifecycle int

const (
	stateNew lifecycle = iota
	stateInitialized
	stateShutDown
	stateExited        // after shutdown
	stateExitedEarly   // without it
	stateExitedNoReady // before initialize
)

// clientCaps are the abilities of the client that decide what it is sent.
type clientCaps struct {
	progress, configuration, openTerminal, ask       bool
	lensRefresh, hintRefresh, showDocument, markdown bool
}

func (s *Server) lifecycle() lifecycle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *Server) orderly() bool { return s.state == stateExited || s.state == stateShutDown }

// answered are the requests this server answers. The library's dispatch would take others for malformed.
var answered = map[string]bool{
	protocol.MethodInitialize: true, protocol.MethodShutdown: true, protocol.MethodWorkspaceExecuteCommand: true,
	protocol.MethodTextDocumentCodeLens: true, protocol.MethodTextDocumentHover: true, protocol.MethodTextDocumentInlayHint: true,
	protocol.MethodTextDocumentCodeAction: true,
}

// admit refuses requests that come at the wrong time.
func (s *Server) admit(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !answered[method]:
		return jsonrpc2.NewError(jsonrpc2.MethodNotFound, "there is no method "+method)
	case method == protocol.MethodInitialize && s.state == stateNew:
		return nil
	case method == protocol.MethodInitialize && s.cfg.Framing == Lines && s.state == stateInitialized && !s.caps.ask:
		return nil
	case method == protocol.MethodInitialize:
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, "initialize came a second time; it is to come once, first")
	case s.state == stateNew:
		return jsonrpc2.NewError(protocolNotInitialized, method+" came before initialize; send initialize first")
	case s.state >= stateShutDown:
		return jsonrpc2.NewError(jsonrpc2.InvalidRequest, method+" came after shutdown; only exit may follow")
	}
	return nil
}

// openLines lets scripts leave initialize out.
func (s *Server) openLines() {
	s.state = stateInitialized
	s.folders = []string{s.cfg.Folder}
	s.agents.SetFolders(s.folders)
}

// Initialize answers at once: nothing is opened, asked or started before the client has its answer.
func (s *Server) Initialize(_ context.Context, p *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	s.mu.Lock()
	s.state = stateInitialized
	s.caps = capsOf(p)
	s.folders, s.passedOver = foldersOf(p)
	folders := s.folders
	s.mu.Unlock()
	s.agents.SetFolders(folders)
	if p.ProcessID != nil && *p.ProcessID > 0 {
		s.watchParent(int(*p.ProcessID))
	}
	s.settings(json.RawMessage(p.InitializationOptions))
	return &protocol.InitializeResult{
		Capabilities: capabilities(),
		ServerInfo:   protocol.ServerInfo{Name: "hjk-ls", Version: protocol.NewOptional(s.cfg.Version)},
	}, nil
}

// protocolVersion counts what docs/protocol.md adds to LSP, for clients that need some of it. It grows with what they can
// rely on; what was there stays.
const protocolVersion = 1

func capabilities() protocol.ServerCapabilities {
	yes := true
	incremental := protocol.TextDocumentSyncKindIncremental
	return protocol.ServerCapabilities{
		PositionEncoding: protocol.PositionEncodingKindUTF16,
		TextDocumentSync: &protocol.TextDocumentSyncOptions{OpenClose: &yes, Change: &incremental, Save: protocol.Boolean(true)},
		CodeLensProvider: &protocol.CodeLensOptions{}, InlayHintProvider: protocol.Boolean(true), HoverProvider: protocol.Boolean(true),
		CodeActionProvider: &protocol.CodeActionOptions{CodeActionKinds: []protocol.CodeActionKind{protocol.CodeActionKindQuickFix}},
		Experimental:       protocol.LSPAny(fmt.Sprintf(`{"headjack":{"protocol":%d}}`, protocolVersion)),
		ExecuteCommandProvider: protocol.ExecuteCommandOptions{
			WorkDoneProgressOptions: protocol.WorkDoneProgressOptions{WorkDoneProgress: &yes}, Commands: commandNames(),
		},
		Workspace: &protocol.WorkspaceOptions{WorkspaceFolders: &protocol.WorkspaceFoldersServerCapabilities{
			Supported: &yes, ChangeNotifications: protocol.Boolean(true),
		}},
	}
}

// capsOf reads capabilities from their JSON: what a client leaves out is absent at every level.
func capsOf(p *protocol.InitializeParams) clientCaps {
	type refresh struct {
		Support bool `json:"refreshSupport"`
	}
	var c struct {
		Window struct {
			WorkDoneProgress bool `json:"workDoneProgress"`
			ShowDocument     struct {
				Support bool `json:"support"`
			} `json:"showDocument"`
			ShowMessage *json.RawMessage `json:"showMessage"`
		} `json:"window"`
		Workspace struct {
			Configuration bool    `json:"configuration"`
			CodeLens      refresh `json:"codeLens"`
			InlayHint     refresh `json:"inlayHint"`
		} `json:"workspace"`
		TextDocument struct {
			Hover struct {
				ContentFormat []string `json:"contentFormat"`
			} `json:"hover"`
		} `json:"textDocument"`
		Experimental struct {
			Headjack struct {
				OpenTerminal bool `json:"openTerminal"`
			} `json:"headjack"`
		} `json:"experimental"`
	}
	raw, err := protocol.Marshal(&p.Capabilities)
	if err == nil {
		_ = json.Unmarshal(raw, &c)
	}
	return clientCaps{
		progress: c.Window.WorkDoneProgress, configuration: c.Workspace.Configuration,
		openTerminal: c.Experimental.Headjack.OpenTerminal, ask: true, lensRefresh: c.Workspace.CodeLens.Support,
		hintRefresh: c.Workspace.InlayHint.Support, showDocument: c.Window.ShowDocument.Support,
		markdown: slices.Contains(c.TextDocument.Hover.ContentFormat, "markdown"),
	}
}

// foldersOf takes workspaceFolders, else rootUri, else rootPath, and tells of those that are not of this machine.
func foldersOf(p *protocol.InitializeParams) (all []string, passedOver []error) {
	var in struct {
		WorkspaceFolders []struct {
			URI uri.URI `json:"uri"`
		} `json:"workspaceFolders"`
		RootURI  *uri.URI `json:"rootUri"`
		RootPath *string  `json:"rootPath"`
	}
	raw, err := protocol.Marshal(p)
	if err != nil || json.Unmarshal(raw, &in) != nil {
		return nil, nil
	}
	add := func(u uri.URI) {
		path, err := fileuri.Path(string(u))
		if err != nil {
			passedOver = append(passedOver, err)
			return
		}
		all = append(all, path)
	}
	for _, f := range in.WorkspaceFolders {
		add(f.URI)
	}
	if len(in.WorkspaceFolders) == 0 && in.RootURI != nil {
		add(*in.RootURI)
	}
	if len(all)+len(passedOver) == 0 && in.RootPath != nil && filepath.IsAbs(*in.RootPath) {
		all = append(all, *in.RootPath)
	}
	return all, passedOver
}

// Initialized begins to tell of instances and asks for the settings.
func (s *Server) Initialized(context.Context, *protocol.InitializedParams) error {
	s.mu.Lock()
	pull, passedOver := s.caps.configuration, s.passedOver
	s.mu.Unlock()
	s.tellPassedOver(passedOver)
	s.follow()
	if pull {
		s.background.Go(s.pullSettings)
	}
	return nil
}

// tellPassedOver tells of folders that hjk-ls cannot work in.
func (s *Server) tellPassedOver(all []error) {
	for _, err := range all {
		s.showMessage(protocol.MessageTypeWarning, "hjk-ls passes over a folder: "+err.Error())
	}
}

// Shutdown cancels what runs; its answer does not wait for it.
func (s *Server) Shutdown(context.Context) error {
	s.mu.Lock()
	s.state = stateShutDown
	s.mu.Unlock()
	s.cancelAll()
	return nil
}

// Exit ends the connection.
func (s *Server) Exit(context.Context) error {
	s.mu.Lock()
	switch s.state {
	case stateShutDown:
		s.state = stateExited
	case stateNew:
		s.state = stateExitedNoReady
	default:
		s.state = stateExitedEarly
	}
	s.mu.Unlock()
	s.end()
	return nil
}

// parentPoll is how often the editor's process is looked for.
const parentPoll = 2 * time.Second

// watchParent takes the editor's disappearance for exit: an editor that crashed leaves its pipes open to its children.
func (s *Server) watchParent(pid int) {
	s.background.Go(func() {
		t := time.NewTicker(parentPoll)
		defer t.Stop()
		for {
			select {
			case <-s.life.Done():
				return
			case <-t.C:
			}
			if !system.Alive(pid) {
				s.cfg.Log.Warn("the editor's process is gone", zap.Int("pid", pid))
				s.end()
				return
			}
		}
	})
}

// pathOf is the path of a file: URI of this machine, "" for others.
func pathOf(u string) string {
	path, err := fileuri.Path(u)
	if err != nil {
		return ""
	}
	return path
}
