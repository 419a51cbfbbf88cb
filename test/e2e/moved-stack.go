// A goroutine's stack is moved while it dies of a bad pointer: Go finds the pointer on the stack, and ends of that instead.
package main

// static void *small(void) { return (void *)0x40; }
import "C"

import (
	"fmt"
	"os"
	"time"
	"unsafe"
)

type parcel struct{ label *int }

//go:noinline
func labelOf(it *parcel) int { return *it.label }

func benign() {
	defer func() { _ = recover() }()
	labelOf(&parcel{})
}

//go:noinline
func grow(depth int) int {
	var room [512]byte
	if depth == 0 {
		return int(room[0])
	}
	return grow(depth-1) + int(room[depth%len(room)])
}

//go:noinline
func checksum(at unsafe.Pointer) int {
	defer func() {
		time.Sleep(time.Millisecond)
		grow(100)
	}()
	return int(*(*byte)(at))
}

func work(done chan<- int) {
	at := C.small()
	first := checksum(at)
	done <- first + int(*(*byte)(at))
}

func main() {
	go func() {
		for {
			benign()
			time.Sleep(time.Millisecond)
		}
	}()
	time.Sleep(5 * time.Millisecond)
	done := make(chan int)
	go work(done)
	fmt.Fprintln(os.Stderr, <-done)
}
