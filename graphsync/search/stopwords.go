package search

// stopWords are words of a query that say nothing by themselves. They are
// indexed all the same, so that phrases hold and a query of nothing else works.
var stopWords = map[string]string{
	"en": `a an and are as at be but by for from has have he her his i if in into is it its of on or she so that the
their them then there these they this to was we were what when which who will with you your`,
	"de": `aber als am an auch auf aus bei bin bis das dass dem den der des die du ein eine einem einen einer eines er es
für hat ich ihr im in ist ja mit nach nicht noch nur oder sich sie sind so über um und uns von vor war was wenn wer wie wir zu zum zur`,
	"fr": `à au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur lui ma mais me même mes moi
mon ne nos notre nous on ou où par pas pour qu que qui sa se ses son sont sur ta te tes toi ton tu un une vos votre vous c d j l m n s t y`,
	"es": `a al algo como con de del desde donde el él ella ellos en entre es esa ese eso esta este esto fue ha hay la las le
les lo los más me mi muy no nos o para pero por que qué se ser si sin sobre son su sus te tu un una uno y ya yo`,
	"it": `a ad al alla alle anche c che chi ci come con da dal dalla dei del della delle di e è ed era gli ha i il in io l la
le lo loro ma mi ne nei nel nella non o per più quella quello questa questo se si sono su sua sul suo ti tra tu un una uno`,
	"pt": `a ao aos as até com como da das de do dos e é ela ele em entre era essa esse esta este eu foi há isso já lhe mais
mas me mesmo meu minha muito na não nas nem no nos o os ou para pela pelo por que quem se sem ser seu sua também te um uma`,
	"nl": `aan al als bij dan dat de der die dit door een en er geen haar had heb heeft het hij hoe hun ik in is je kan maar
me met mijn na naar niet nog nu of om onder ook op over te tot u uit van veel voor was wat we wel werd wie wij zal ze zich zij zijn zo`,
	"sv": `alla än att av blev bli de dem den det dig din du eller en er ett från för ha han har hans hon i icke inte jag kan man
med men mig min mot ni nu när och om oss på sedan sig sin sitt så till ut var vi vid vilken är`,
	"da": `af alle at blev da de dem den der deres det dig din du eller en er et for fra han har hun hvad hvor i ikke jeg kan man
med men mig min mod når nu og også om op os på sig sin som til ud var vi ved`,
	"no": `alle at av ble bli da de dem den der det deg din du eller en er et for fra før ha han har hun hva hvis hvor i ikke jeg
kan man med men meg min mot når nå og også om opp oss på seg sin som så til ut var ved vi å`,
	"fi": `ei että he hän ja jo joka jos kuin kun me mikä minä mitä mukaan mutta myös ne niin nyt ole oli on ovat sen se sekä sinä tai tämä te vain`,
	"ru": `а без бы был была были было быть в вам вас во вот все вы где да для до его ее если есть еще же за и из или им их к как
ко кто ли мне мы на над не нет но о об он она они оно от по под при с со так такой там то только ты у уже что чтобы эта это этот я`,
	"hu": `a az azt de egy egyik ez ezt és ha hogy is itt le meg mely mert mint minden nem ő ők pedig s sem van vagy volt`,
	"ro": `a acea această acest al ale am ar are as au ca care ce cu cum da de din este ești eu fi fost i iar în la le lui mai
ne noi nu o pe pentru pot prin sa să se si și sunt te tot un una unei unui va vă`,
	"tr": `acaba ama bazı ben bir biz bu çok da daha de defa değil diye en gibi hem hep hiç için ile ise kim mı mi mu mü ne neden o
sanki siz şey şu tüm ve veya ya yani`,
	"ar": `في من على إلى عن مع هذا هذه ذلك التي الذي هو هي و أو ثم لا ما لم لن إن أن كان كل قد`,
}
