// An optional value on the heap, for what is large and seldom there: a pointer wide while it is
// not. Copies are deep.
#pragma once

#include <memory>
#include <optional>
#include <utility>

namespace muster {

template <class T>
class Boxed {
 public:
  Boxed() = default;
  Boxed(std::optional<T> value)  // NOLINT(google-explicit-constructor): the same, held elsewhere
      : value_(value ? std::make_unique<T>(*std::move(value)) : nullptr) {}
  Boxed(const Boxed& other) : value_(other.value_ ? std::make_unique<T>(*other.value_) : nullptr) {}
  Boxed(Boxed&&) noexcept = default;
  Boxed& operator=(Boxed other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Boxed() = default;

  explicit operator bool() const { return value_ != nullptr; }
  std::optional<T> AsOptional() const { return value_ ? std::optional<T>(*value_) : std::nullopt; }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.value_ && b.value_ ? *a.value_ == *b.value_ : !a.value_ && !b.value_;
  }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace muster
