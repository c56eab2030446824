// Command generate makes the Go messages and stubs from the .proto files, behind `go generate`.
//
// There is no protoc to install: the files are compiled in Go and handed to the two plugins, as protoc
// would do it. What comes out goes to internal/../pb and is not kept in the repository.
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// The plugins, as commands.
var plugins = [][]string{
	{"go", "tool", "protoc-gen-go"},
	{"go", "tool", "protoc-gen-go-grpc"},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: generate PROTOS OUT PACKAGE")
	}
	if err := generate(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal("generate: ", err)
	}
}

// generate writes OUT anew; its packages are PACKAGE and below.
func generate(protos, out, pkg string) error {
	names, err := find(protos)
	if err != nil {
		return err
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(
			&protocompile.SourceResolver{ImportPaths: []string{protos}}),
		// Comments of the protos become those of the code.
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	files, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return err
	}
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: names}
	seen := map[string]bool{}
	for _, file := range files {
		gather(file, seen, &request.ProtoFile)
	}
	request.Parameter = proto.String(parameter(names, pkg))
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	for _, plugin := range plugins {
		if err := run(plugin, request, out); err != nil {
			return err
		}
	}
	return nil
}

// find lists the .proto files, relative to the folder.
func find(protos string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(protos, func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".proto") {
			name, relErr := filepath.Rel(protos, path)
			names, err = append(names, filepath.ToSlash(name)), relErr
		}
		return err
	})
	return names, err
}

// gather puts a file behind those that it imports.
func gather(file protoreflect.FileDescriptor, seen map[string]bool, all *[]*descriptorpb.FileDescriptorProto) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	for i := range file.Imports().Len() {
		gather(file.Imports().Get(i).FileDescriptor, seen, all)
	}
	*all = append(*all, protoutil.ProtoFromFileDescriptor(file))
}

// parameter says which Go package each file becomes: terrace/router/v1 is routerv1 in PACKAGE/router/v1.
func parameter(names []string, pkg string) string {
	parts := []string{"module=" + pkg}
	for _, name := range names {
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(name)), "terrace/")
		parts = append(parts, fmt.Sprintf("M%s=%s/%s;%s", name, pkg, folder, strings.ReplaceAll(folder, "/", "")))
	}
	return strings.Join(parts, ",")
}

// run gives the request to a plugin and writes what it makes.
func run(plugin []string, request *pluginpb.CodeGeneratorRequest, out string) error {
	input, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	command := exec.Command(plugin[0], plugin[1:]...)
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(plugin, " "), err)
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(output, &response); err != nil {
		return err
	}
	if response.GetError() != "" {
		return fmt.Errorf("%s: %s", strings.Join(plugin, " "), response.GetError())
	}
	for _, file := range response.GetFile() {
		path := filepath.Join(out, filepath.FromSlash(file.GetName()))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
