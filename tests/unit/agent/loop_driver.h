// Runs an asio loop on the test's thread until something has become true.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>

namespace muster::agent {

inline testing::AssertionResult RunUntil(boost::asio::io_context& loop,
                                         const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return testing::AssertionFailure() << "did not come true within 20 s";
    }
    loop.restart();
    loop.run_one_for(std::chrono::milliseconds(10));
  }
  return testing::AssertionSuccess();
}

}  // namespace muster::agent
