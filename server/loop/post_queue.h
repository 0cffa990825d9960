// Many producers, one consumer, unbounded (the caller counts). Push takes no lock and never waits.
#pragma once

#include <atomic>
#include <deque>
#include <utility>

namespace muster::server {

template <class T>
class PostQueue {
 public:
  PostQueue() = default;
  PostQueue(const PostQueue&) = delete;
  PostQueue& operator=(const PostQueue&) = delete;
  ~PostQueue() { FreeAll(newest_.exchange(nullptr)); }

  // Any thread. Items of one thread keep their order.
  void Push(T item) {
    auto* node = new Node{std::move(item), newest_.load(std::memory_order_relaxed)};
    while (!newest_.compare_exchange_weak(node->older, node)) {
    }
  }

  // Consumer only: appends everything that is there to `out`, oldest first.
  void TakeAll(std::deque<T>& out) {
    Node* oldest = Reverse(newest_.exchange(nullptr));
    for (Node* node = oldest; node != nullptr; node = node->older) {
      out.push_back(std::move(node->item));
    }
    FreeAll(oldest);
  }

 private:
  struct Node {
    T item;
    Node* older;
  };

  static Node* Reverse(Node* node) {
    Node* previous = nullptr;
    while (node != nullptr) {
      Node* next = node->older;
      node->older = previous;
      previous = node;
      node = next;
    }
    return previous;
  }

  static void FreeAll(Node* node) {
    while (node != nullptr) {
      Node* next = node->older;
      delete node;
      node = next;
    }
  }

  std::atomic<Node*> newest_ = nullptr;
};

}  // namespace muster::server
