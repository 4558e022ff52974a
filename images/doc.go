// Package images knows where the image of an instance comes from, and makes the engine hold it: by pulling a
// reference, or by building a Dockerfile.
//
// Builds run BuildKit's own Dockerfile frontend in this process; only the steps go to the engine, and only the files
// of the context that changed travel. Nothing here knows git, instances or the editor. A Builder may be used
// concurrently.
package images
