package agents

import (
	"slices"
	"strings"

	"github.com/gilmanlab/hjk-ls/images"
	"github.com/gilmanlab/hjk-ls/workspace"
)

func (m *Manager) consent() *images.Consent { return images.OpenConsent(m.consentFile()) }

// repoConsent is what consent to the settings of a repository's file is remembered for.
func repoConsent(r *workspace.Repo) string { return "repository:" + r.Root }

// agree gets the user's consent to what the repository's file asks for beyond the user's own settings. Of a key that the
// user has set nothing more is needed: its value holds, and the operation goes on with it. What else is not agreed to ends
// the operation.
func (m *Manager) agree(w *wish, fb Feedback) error {
	var asks, all []string
	needed := false
	kept := "kept:" + w.repo.Root
	for _, a := range w.config.Denied {
		all = append(all, a.String())
		needed = needed || !a.Said
		if !a.Said || w.allow || !m.consent().Has(kept, a.String()) {
			asks = append(asks, a.String())
		}
	}
	if len(asks) == 0 {
		return nil
	}
	what := w.repo.From + "/" + repoConfigFile
	answer := Allowed
	if !w.allow {
		answer = fb.ask(what, asks)
	}
	if answer == Allowed {
		if err := m.consent().Add(repoConsent(w.repo), asks); err != nil {
			return m.forgetful(err)
		}
		if w.allow {
			fb.step("allowed for " + w.repo.Root + ", and remembered: " + strings.Join(asks, ", "))
		}
		var err error
		w.config, w.values, err = m.config(w.repo)
		return err
	}
	if needed { // the flag allows all, so all is named
		return untrusted(what, all)
	}
	for _, a := range w.config.Denied {
		fb.step(a.Key + " stays " + a.Own + ", as you have set it; " + repoConfigFile + " asks for " + a.Value + ", which --allow-privileges would allow")
	}
	if answer != Refused {
		return nil
	}
	if err := m.consent().Add(kept, asks); err != nil {
		return m.forgetful(err)
	}
	return nil
}

// allowCredential gets the user's consent to give the user's credentials to a command that is not the user's: for exactly
// that agent, that command and that image.
func (m *Manager) allowCredential(c command, w wish, image string, fb Feedback) error {
	if c.foreign == "" || len(c.gets) == 0 {
		return nil
	}
	asks := []string{"agent " + c.agent + " = " + c.foreign, "image " + image}
	for _, g := range c.gets {
		asks = append(asks, "credential "+g)
	}
	id := "agent:" + w.repo.Root + ":" + c.agent + ":" + image
	return m.allow(consentAsk{id: id, what: "the agent " + c.agent + " of " + w.repo.From + "/" + repoConfigFile, power: asks, now: w.allow}, fb)
}

// consentAsk is one question about power.
type consentAsk struct {
	id    string // what the consent is remembered for
	what  string // the image or file, for the user
	power []string
	now   bool // allowed by the request itself
}

// allow lets asked-for power pass when the user has allowed exactly it for this id before, or does so now.
func (m *Manager) allow(a consentAsk, fb Feedback) error {
	if len(a.power) == 0 {
		return nil
	}
	slices.Sort(a.power)
	if m.consent().Allowed(a.id, a.power) {
		return nil
	}
	if a.now || fb.ask(a.what, a.power) == Allowed {
		if err := m.consent().Allow(a.id, a.power); err != nil {
			return m.forgetful(err)
		}
		return nil
	}
	return untrusted(a.what, a.power)
}

func untrusted(what string, power []string) error {
	return Errorf(CodeUntrustedPrivileges, "%s asks for power over the host (%s); if you trust it, run again with --allow-privileges, which hjk-ls run, recreate and build have",
		what, strings.Join(power, ", "))
}

func (m *Manager) forgetful(err error) error {
	return Errorf(CodeInternal, "remember the consent in %s: %w", m.consentFile(), err)
}
