// A string that never changes and whose copies share it. Different copies may be used, made and
// destroyed by different threads at the same time; one object belongs to one thread, like a string.
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <string>
#include <utility>

namespace muster {

class SharedText {
 public:
  SharedText() = default;
  explicit SharedText(std::string text)
      : shared_(text.empty() ? nullptr : new Shared{std::move(text)}) {}
  SharedText(const SharedText& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  // The other is empty afterwards.
  SharedText(SharedText&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~SharedText() {
    if (shared_ != nullptr && shared_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete shared_;
    }
  }

  // Valid as long as any copy is.
  const std::string& str() const {
    static const std::string kEmpty;
    return shared_ == nullptr ? kEmpty : shared_->text;
  }
  bool empty() const { return shared_ == nullptr; }

  // By text.
  friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) {
    return a.shared_ == b.shared_ ? std::strong_ordering::equal : a.str() <=> b.str();
  }
  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.shared_ == b.shared_ || a.str() == b.str();
  }

 private:
  struct Shared {
    std::string text;
    std::atomic<std::size_t> owners = 1;
  };

  Shared* shared_ = nullptr;
};

}  // namespace muster
