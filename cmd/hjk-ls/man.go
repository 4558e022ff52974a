package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manCommand writes what packages carry beside the program. It is for who makes packages, and hidden from others.
func (a *app) manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write manual pages and completions below a folder, as they are installed below /usr/share", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			root.DisableAutoGenTag = true // the same sources make the same pages
			man := filepath.Join(args[0], "man", "man1")
			if err := os.MkdirAll(man, 0o755); err != nil {
				return err
			}
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "HJK-LS", Section: "1", Source: "hjk-ls " + version}, man); err != nil {
				return fmt.Errorf("write manual pages: %w", err)
			}
			return completions(root, args[0])
		},
	}
}

func completions(root *cobra.Command, dir string) error {
	for file, write := range map[string]func(string) error{
		"bash-completion/completions/hjk-ls":    func(f string) error { return root.GenBashCompletionFileV2(f, true) },
		"zsh/site-functions/_hjk-ls":            root.GenZshCompletionFile,
		"fish/vendor_completions.d/hjk-ls.fish": func(f string) error { return root.GenFishCompletionFile(f, true) },
	} {
		file = filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := write(file); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	return nil
}
