package dockerfile

import "sort"

// Match finds the instructions of an older text in f: the i-th result is the index of texts[i], or -1 where the
// instruction is no longer there. Order is kept, and of instructions that say the same, the most are found.
func (f File) Match(texts []string) []int {
	found := make([]int, len(texts))
	n, m := len(texts), len(f.Instructions)
	if !tooMany(n, m) {
		f.match(texts, found)
		return found
	}
	head := 0
	for ; head < min(n, m) && texts[head] == f.Instructions[head].Text; head++ {
		found[head] = head
	}
	tail := 0
	for ; tail < min(n, m)-head && texts[n-1-tail] == f.Instructions[m-1-tail].Text; tail++ {
		found[n-1-tail] = m - 1 - tail
	}
	middle := found[head : n-tail]
	File{Instructions: f.Instructions[head : m-tail]}.match(texts[head:n-tail], middle)
	for i := range middle {
		if middle[i] >= 0 {
			middle[i] += head
		}
	}
	return found
}

// maxCompared bounds the pairs of instructions that are compared for the best match: a Dockerfile is an agent's to write.
const maxCompared = 1 << 20

func tooMany(n, m int) bool { return n > 0 && m > maxCompared/n }

// match is Match; of too many, each instruction is found where it comes next.
func (f File) match(texts []string, found []int) {
	n, m := len(texts), len(f.Instructions)
	if tooMany(n, m) {
		f.next(texts, found)
		return
	}
	// lcs[i][j] is how many of texts[i:] can be found in instructions[j:].
	lcs := make([][]int, n+1)
	for i := range lcs {
		lcs[i] = make([]int, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			lcs[i][j] = max(lcs[i+1][j], lcs[i][j+1])
			if texts[i] == f.Instructions[j].Text {
				lcs[i][j] = max(lcs[i][j], 1+lcs[i+1][j+1])
			}
		}
	}
	for i, j := 0, 0; i < n; i++ {
		found[i] = -1
		for k := j; k < m; k++ {
			if texts[i] == f.Instructions[k].Text && lcs[i][j] == 1+lcs[i+1][k+1] {
				found[i], j = k, k+1
				break
			}
		}
	}
}

// next finds each text at its first place behind the one before that was found.
func (f File) next(texts []string, found []int) {
	places := map[string][]int{}
	for i, in := range f.Instructions {
		places[in.Text] = append(places[in.Text], i)
	}
	behind := 0
	for i, text := range texts {
		all := places[text]
		at := sort.SearchInts(all, behind)
		found[i] = -1
		if at < len(all) {
			found[i], behind = all[at], all[at]+1
		}
	}
}
