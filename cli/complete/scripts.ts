export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** What a shell has to be told once; every Tab then asks the program itself. */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# slipway completion for bash: eval "$(slipway completion bash)"
_slipway() {
  local lines
  COMPREPLY=()
  mapfile -t lines < <("\${COMP_WORDS[0]}" __complete bash "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
  if [[ "\${lines[0]}" == ":files" ]]; then
    compopt -o default
    return
  fi
  COMPREPLY=("\${lines[@]}")
  [[ "\${#COMPREPLY[@]}" == 1 && "\${COMPREPLY[0]}" == *= ]] && compopt -o nospace
  return 0
}
complete -F _slipway slipway`,
  zsh: `#compdef slipway
# slipway completion for zsh: eval "$(slipway completion zsh)", after compinit
_slipway() {
  local -a lines
  lines=("\${(@f)$("\${words[1]}" __complete zsh "\${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ "\${lines[1]}" == ":files" ]]; then
    _files
    return
  fi
  [[ -n "\${lines[1]}" ]] && _describe -t slipway slipway lines
}
if [[ "\${funcstack[1]}" == "_slipway" ]]; then
  _slipway "$@"
else
  compdef _slipway slipway
fi`,
  fish: `# slipway completion for fish: slipway completion fish | source
function __slipway_complete
  set -l lines (slipway __complete fish (commandline -cp | string collect) 2>/dev/null)
  if test "$lines[1]" = ":files"
    __fish_complete_path (commandline -ct)
    return
  end
  printf '%s\\n' $lines
end
complete -c slipway -f -a '(__slipway_complete)'`,
};
