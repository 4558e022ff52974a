package shim

// Forward is the request of "forward", which leads connections of the host to ports in the container. It is one line, and is answered by
// one, a Reply.
//
// With Socket it connects to that socket in RunDir, at which the host listens, and says Token there in a packet of its own. Each packet
// of the host is then a ForwardAsk, and is answered by a ForwardAnswer with the connected socket beside it (SCM_RIGHTS), so that the
// bytes themselves do not pass through the helper, nor through the engine. It ends with its input or with the host's socket.
//
// Without Socket, which is where the host and the container do not share a kernel, its input and output after the two lines are a
// connection to Port.
type Forward struct {
	Socket string `json:"socket,omitempty"`
	Token  string `json:"token,omitempty"`
	Port   int    `json:"port,omitempty"`
}

// ForwardAsk asks for a connection: an id that the answer has, and the port, big-endian.
const ForwardAsk = 4 + 2

// ForwardAnswer is the id, and 1 where there is a connection, else 0.
const ForwardAnswer = 4 + 1

// CodeUnreached is the code of a Reply where nothing can be connected to.
const CodeUnreached = "unreached"
