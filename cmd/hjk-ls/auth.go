package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gilmanlab/hjk-ls/internal/credentials"
)

// authAgents are the agents that have a credential of one line.
var authAgents = []string{"claude", "codex", "copilot", "gemini", "opencode", "qwen"}

// credentials is the store of the agents' credentials.
func (a *app) credentials(home string) credentials.Store {
	return credentials.Store{
		Dir:     filepath.Join(xdg("XDG_STATE_HOME", home, ".local/state"), "headjack"),
		Keyring: credentials.HasKeyring(os.Getenv), Passphrase: os.Getenv("HJK_LS_PASSPHRASE"),
	}
}

func (a *app) authCommand() *cobra.Command {
	var forget bool
	c := &cobra.Command{
		Use: "auth " + strings.Join(authAgents, "|"), Short: "Keep an agent's token or key in the keyring; read from standard input",
		Long: `Keep an agent's token or key, so that its sessions get it without it being in your environment.

It is asked for without an echo, or read from standard input when that is no terminal, and kept in the keyring of the
operating system. Where there is none it is kept in an encrypted file, by HJK_LS_PASSPHRASE when that is set. Variables of
the environment, such as CLAUDE_CODE_OAUTH_TOKEN, win over it. For claude it is what "claude setup-token" prints, or an API key.`,
		Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: authAgents,
		RunE: func(_ *cobra.Command, argv []string) error {
			home, err := os.UserHomeDir()
			if err != nil {
				return err
			}
			store := a.credentials(home)
			if forget {
				if err := store.Delete(argv[0]); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "the credential of %s is forgotten\n", argv[0])
				return nil
			}
			secret, err := a.secret(argv[0])
			if err != nil {
				return err
			}
			where, err := store.Set(argv[0], secret)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "the credential of %s is kept in %s\n", argv[0], where)
			return nil
		},
	}
	c.Flags().BoolVar(&forget, "forget", false, "delete it")
	return c
}

// maxSecret is far above any token.
const maxSecret = 64 << 10

// secret reads a credential without showing it.
func (a *app) secret(agent string) (string, error) {
	var b []byte
	var err error
	if isTerminal(a.in) {
		fmt.Fprintf(a.err, "token or key of %s: ", agent)
		b, err = term.ReadPassword(int(a.in.Fd()))
		fmt.Fprintln(a.err)
	} else {
		b, err = io.ReadAll(io.LimitReader(a.in, maxSecret))
	}
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(b))
	if s == "" || strings.ContainsAny(s, "\n\r\x00") {
		return "", &usageError{errors.New("that is no token: want one line on standard input")}
	}
	return s, nil
}
