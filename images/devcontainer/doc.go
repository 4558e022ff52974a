// Package devcontainer reads the text of a devcontainer.json, as https://containers.dev/implementors/json_reference has it: what hjk-ls
// takes of it, and what it does not. It opens no file and expands no variable of the host's.
package devcontainer
