// Where a personal server lives: one directory of its user. Pure.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"

namespace muster::cli {

// <root>/{lock,personal.json,server,logs,nodes/<name>}.
struct PersonalLayout {
  std::filesystem::path root;

  std::filesystem::path Lock() const { return root / "lock"; }
  std::filesystem::path Record() const { return root / "personal.json"; }
  std::filesystem::path Server() const { return root / "server"; }
  std::filesystem::path Address() const { return Server() / "address"; }
  std::filesystem::path AdminToken() const { return Server() / "admin.token"; }
  std::filesystem::path JoinToken() const { return Server() / "join.token"; }
  std::filesystem::path Logs() const { return root / "logs"; }
  std::filesystem::path Log(const std::string& name) const { return Logs() / (name + ".log"); }
  std::filesystem::path Nodes() const { return root / "nodes"; }
  std::filesystem::path Node(const std::string& name) const { return Nodes() / name; }
};

struct PersonalHome {
  std::optional<std::string> flag;        // --dir, absolute
  std::optional<std::string> state_home;  // $XDG_STATE_HOME
  std::optional<std::string> home;        // $HOME
  bool root = false;                      // who runs this
  std::string account_home;               // of the user's account
  // Can every other account search the directory, or what there is of the way to it?
  std::function<bool(const std::filesystem::path&)> open_to_others;
};

// --dir, else $XDG_STATE_HOME/muster/personal, else ~/.local/state/muster/personal. Jobs of root
// run as another account, which must reach the directory: where root's own home is closed,
// /var/lib/muster-personal. Fails where there is no place, or one that jobs cannot reach.
Result<PersonalLayout> ChooseLayout(const PersonalHome& home);

// The same, of this process.
Result<PersonalLayout> FindLayout(const std::optional<std::string>& flag);

}  // namespace muster::cli
